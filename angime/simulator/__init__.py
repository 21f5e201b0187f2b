"""A company that does not exist: its people, two months of its calls and messages, and what is true of them.

It knows providers from their documentation alone, and nothing of how we read them: that is what makes it a test.
"""
