"""Why telephone calls end, in the codes that all networks share: SIP (RFC 3261) and Q.850, as numbers and as words."""

from schemas.calls import Disposition

_SIP: dict[int, Disposition] = {
    403: "failed",
    404: "failed",
    408: "no_answer",
    480: "no_answer",
    486: "busy",
    487: "cancelled",
    600: "busy",
    603: "rejected",
    607: "rejected",
    608: "rejected",
}
_Q850: dict[int, Disposition] = {
    1: "failed",
    2: "failed",
    3: "failed",
    17: "busy",
    18: "no_answer",
    19: "no_answer",
    20: "no_answer",
    21: "rejected",
    26: "cancelled",
    27: "failed",
    28: "failed",
    34: "failed",
    38: "failed",
    41: "failed",
    44: "failed",
    58: "failed",
    88: "failed",
    102: "failed",
    127: "unknown",
    487: "cancelled",
}
# How Asterisk's Dial says that nobody was reached (its variable DIALSTATUS).
DIAL_STATUSES: dict[str, Disposition] = {
    "NOANSWER": "no_answer",
    "BUSY": "busy",
    "CANCEL": "cancelled",
    "CONGESTION": "failed",
    "CHANUNAVAIL": "failed",
    "DONTCALL": "rejected",
    "TORTURE": "rejected",
}
# What FreeSWITCH calls them (its table of hangup causes); its own causes stand behind.
_WORDS: dict[str, Disposition] = {
    "UNALLOCATED_NUMBER": "failed",
    "NO_ROUTE_TRANSIT_NET": "failed",
    "NO_ROUTE_DESTINATION": "failed",
    "USER_BUSY": "busy",
    "NO_USER_RESPONSE": "no_answer",
    "NO_ANSWER": "no_answer",
    "SUBSCRIBER_ABSENT": "no_answer",
    "CALL_REJECTED": "rejected",
    "ORIGINATOR_CANCEL": "cancelled",
    "LOSE_RACE": "cancelled",
    "PICKED_OFF": "cancelled",
    "ALLOTTED_TIMEOUT": "no_answer",
    "PROGRESS_TIMEOUT": "no_answer",
    "MEDIA_TIMEOUT": "failed",
    "USER_NOT_REGISTERED": "failed",
    "DESTINATION_OUT_OF_ORDER": "failed",
    "INVALID_NUMBER_FORMAT": "failed",
    "NETWORK_OUT_OF_ORDER": "failed",
    "NORMAL_TEMPORARY_FAILURE": "failed",
    "NORMAL_CIRCUIT_CONGESTION": "failed",
    "SWITCH_CONGESTION": "failed",
    "REQUESTED_CHAN_UNAVAIL": "failed",
    "BEARERCAPABILITY_NOTAUTH": "failed",
    "BEARERCAPABILITY_NOTAVAIL": "failed",
    "INCOMPATIBLE_DESTINATION": "failed",
    "RECOVERY_ON_TIMER_EXPIRE": "failed",
    "MANDATORY_IE_MISSING": "failed",
    "PROTOCOL_ERROR": "failed",
    "INTERWORKING": "failed",
    "OUTGOING_CALL_BARRED": "failed",
    "INCOMING_CALL_BARRED": "failed",
    "GATEWAY_DOWN": "failed",
    "CRASH": "failed",
    "SYSTEM_SHUTDOWN": "failed",
}


def of_sip(code: float | None) -> Disposition | None:
    """Give how a call ended by a SIP answer, None where the answer says nothing of that (below 300, or missing)."""
    if code is None or code < 300:
        return None
    return _SIP.get(int(code), "failed")


def of_q850(code: float | None) -> Disposition | None:
    """Give how a call ended by a Q.850 cause, None for one that says only that it is over (16, 31)."""
    return None if code is None else _Q850.get(int(code))


def of_word(cause: str | None) -> Disposition | None:
    """Give how a call ended by a cause's name, None for one that says only that it is over."""
    return _WORDS.get((cause or "").strip().upper())
