"""Where a source may be that is added in the browser, and how often it may run."""

import pytest

from app.places import check_place, in_words, new_source, seconds_of
from storage.errors import Forbidden, InvalidInput
from storage.sources import Kind
from storage.types import Readers

PLACES = "/srv/share, s3://company/docs, https://intranet.example/, llama_index.readers., my.wiki.Reader"


@pytest.mark.parametrize(
    "location",
    [
        *("/srv/share", "/srv/share/hr", "/srv/share/../share/hr", "s3://company/docs", "s3://company/docs/hr/"),
        *("https://intranet.example/hr", "llama_index.readers.notion.NotionPageReader", "my.wiki.Reader"),
    ],
)
def test_a_place_takes_what_is_in_it(location: str) -> None:
    check_place(new_source("a", location, Readers()), PLACES)


@pytest.mark.parametrize(
    "location",
    [
        *(
            "/srv",
            "/srv/share2",
            "/etc",
            "/srv/share/../../etc",
            "s3://company/docs2",
            "s3://company",
            "gs://company/docs",
        ),
        *(
            "https://intranet.example.org/hr",
            "http://intranet.example/hr",
            "my.wiki.Readers",
            "llama_index.core.Reader",
        ),
        *("https://intranet.example@evil.example/", "memory://x"),
    ],
)
def test_a_place_takes_nothing_else_and_no_place_nothing(location: str) -> None:
    new = new_source("a", location, Readers())
    for places in (PLACES, "", " , "):
        with pytest.raises(Forbidden, match="SOURCE_PLACES"):
            check_place(new, places)


def test_a_location_tells_what_it_is() -> None:
    assert new_source("a", "a.b.C", Readers()).kind is Kind.READER
    assert new_source("a", "/a.b.C", Readers()).kind is Kind.FOLDER
    with pytest.raises(InvalidInput):
        new_source("a", "relative", Readers())
    with pytest.raises(InvalidInput):
        new_source("a", "/x", Readers(), include=["!no"])


@pytest.mark.parametrize(("given", "seconds"), [("1h", 3600), ("30m", 1800), ("2d", 172800), ("", 0), ("90s", 90)])
def test_how_often_is_said_in_units(given: str, seconds: int) -> None:
    assert seconds_of(given) == seconds
    assert in_words(seconds) == given
    with pytest.raises(InvalidInput):
        seconds_of("hourly")
