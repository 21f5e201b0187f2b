"""The deals of the simulated company, read from what its CRM tells, for the oracle."""

from datetime import datetime

from msgspec import Struct

from angime.simulator import crm
from angime.simulator.story import Story


class Deal(Struct, frozen=True, kw_only=True):
    """A deal as the CRM tells it: whose it is, when it was opened, when it was won."""

    contact: str
    operator: str | None
    created_at: int
    won_at: int | None


def told_deals(story: Story) -> list[Deal]:
    """Read what the CRM tells of deals. It knows a contact by his number, and by more once it says so."""
    told = [event for _, event in crm.events(story)]
    numbers = {
        identities["whatsapp_user"]: identities["phone"]
        for event in told
        if event["type"] == "contact.identified"
        for identities in [{one["kind"]: one["value"] for one in event["data"]["contact"]}]
    }
    hidden = {call.contact.user_id for call in story.calls if call.contact and call.contact.hides_number}
    users = {number: user for user, number in numbers.items() if user in hidden}
    won = {event["data"]["deal_id"]: _seconds(event["time"]) for event in told if event["type"] == "deal.won"}
    return [
        Deal(
            contact=f"whatsapp_user:{users[number]}" if number in users else f"phone:{number}",
            operator=event["data"].get("operator"),
            created_at=_seconds(event["time"]),
            won_at=won.get(event["data"]["deal_id"]),
        )
        for event in told
        if event["type"] == "deal.created"
        for number in [event["data"]["contact"][0]["value"]]
    ]


def _seconds(written: str) -> int:
    return int(datetime.fromisoformat(written).timestamp())
