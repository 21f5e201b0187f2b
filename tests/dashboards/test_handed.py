"""Files that pages hand out: an address that lasts, and is no use to anybody else."""

from dashboards.handed import Offer, Offers


def offer(text: str, *, bearer: str = "") -> Offer:
    return Offer(make=text.encode, name="calls.csv", media_type="text/csv", bearer=bearer)


def test_a_file_keeps_its_address_when_its_page_is_drawn_anew() -> None:
    offers = Offers()
    address = offers.hand_out(offer("before"), visit="mine", place="calls")
    assert address == offers.hand_out(offer("after"), visit="mine", place="calls")
    found = offers.find(address, bearer="")
    assert found is not None
    assert b"after" == found.make()


def test_no_two_visits_and_no_two_places_share_an_address() -> None:
    offers = Offers()
    handed = {
        offers.hand_out(offer(""), visit=visit, place=place) for visit in ("mine", "yours") for place in ("a", "b")
    }
    assert 4 == len(handed)


def test_an_address_is_of_no_use_to_whoever_is_not_logged_in_as_its_owner() -> None:
    offers = Offers()
    address = offers.hand_out(offer("", bearer="cookie"), visit="mine", place="calls")
    found = [offers.find(address, bearer=bearer) is not None for bearer in ("", "öther", "cookie")]
    assert [False, False, True] == found


def test_the_longest_untouched_is_forgotten() -> None:
    offers = Offers(most=2)
    first, second = (offers.hand_out(offer(""), visit="mine", place=place) for place in ("a", "b"))
    offers.hand_out(offer(""), visit="mine", place="a")
    third = offers.hand_out(offer(""), visit="mine", place="c")
    assert [True, False, True] == [offers.find(one, bearer="") is not None for one in (first, second, third)]
