"""The company of the golden files, and one way to translate bytes as one of its accounts."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.sources import SOURCES
from pipelines.sources.contract import Translation
from schemas.company import Account, Company, parse_company
from schemas.ids import raw_id
from schemas.records import RawRecord

COMPANY = parse_company((Path(__file__).parent / "company.toml").read_text())
ACCOUNTS = {account.source: account.id for account in COMPANY.accounts}
RECEIVED_AT = "2026-03-02T12:00:00.000Z"

TranslateAs = Callable[[str, bytes], Translation]


@pytest.fixture(scope="session")
def company() -> Company:
    return COMPANY


@pytest.fixture(scope="session")
def account_of(company: Company) -> Callable[[str], Account]:
    def find(source: str) -> Account:
        account = company.account(ACCOUNTS[source])
        assert account is not None
        return account

    return find


@pytest.fixture(scope="session")
def raw_of(company: Company) -> Callable[[str, bytes], RawRecord]:
    def record(source: str, body: bytes) -> RawRecord:
        account = ACCOUNTS[source]
        return RawRecord(
            raw_id=raw_id(source, account, hashlib.sha256(body).hexdigest()),
            source=source,
            account=account,
            company=company.id,
            received_at=RECEIVED_AT,
            body=body,
        )

    return record


@pytest.fixture(scope="session")
def translate_as(
    company: Company, account_of: Callable[[str], Account], raw_of: Callable[[str, bytes], RawRecord]
) -> TranslateAs:
    def translate(source: str, body: bytes) -> Translation:
        return SOURCES[source].translate(raw_of(source, body), company=company, account=account_of(source))

    return translate
