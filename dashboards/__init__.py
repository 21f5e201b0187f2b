"""The pages: Streamlit, one function a page, text in four languages."""
