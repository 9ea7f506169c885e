"""Content Credentials against what each file's name says of it: one row a file, and whether it was judged right.

    python bench/provenance.py [--data ../shared/data] [--json]

Names of the test files are built from C (created), A (opened), I (imported), X (changed after signing) and E-kind
(an error of that kind was planted): ``CIE-sig-CA`` is an intact claim over an ingredient whose signature is broken.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from common import arguments
from veriscope.errors import VeriscopeError
from veriscope.media.credentials import read_credentials
from veriscope.media.sniff import HEAD_BYTES, sniff

PREFIX = "adobe-20220124-"
NONE, INVALID, VALID = "none", "invalid", "valid"
# state, state of the ingredients (None: not asked), remark
Expected = tuple[str, str | None, str]

PUBLIC: Mapping[str, Expected] = {
    **{f"{PREFIX}{name}.jpg": (NONE, None, "never signed") for name in ("A", "I")},
    **{
        f"{PREFIX}{name}.jpg": (VALID, None, "intact")
        for name in ("C", "CA", "CACA", "CACAICAICICA", "CAI", "CAICA", "CAICAI", "CI", "CICA", "CICACACA", "CII")
    },
    f"{PREFIX}CIE-sig-CA.jpg": (VALID, INVALID, "intact over a broken ingredient"),
    f"{PREFIX}E-clm-CAICAI.jpg": (INVALID, None, "claim missing"),
    f"{PREFIX}E-dat-CA.jpg": (INVALID, None, "content hash broken"),
    f"{PREFIX}E-sig-CA.jpg": (INVALID, None, "signature broken"),
    f"{PREFIX}E-uri-CA.jpg": (INVALID, None, "assertion hash broken"),
    f"{PREFIX}E-uri-CIE-sig-CA.jpg": (INVALID, INVALID, "assertion hash broken"),
    f"{PREFIX}XCA.jpg": (INVALID, None, "changed after signing"),
    f"{PREFIX}XCI.jpg": (INVALID, None, "changed after signing"),
}

LIBRARY: Mapping[str, Expected] = {
    **dict.fromkeys(("C.jpg", "CA.jpg", "CACA.jpg", "CA_ct.jpg", "boxhash.jpg", "ocsp.jpg"), (VALID, None, "intact")),
    "C_with_CAWG_data.jpg": (VALID, None, "intact, with an identity by a third party"),
    "legacy_ingredient_hash.jpg": (VALID, VALID, "intact, old form of ingredients"),
    "update_manifest.jpg": (VALID, VALID, "intact, statement updated later"),
    "CACAE-uri-CA.jpg": (VALID, INVALID, "intact over a broken ingredient"),
    "CIE-sig-CA.jpg": (VALID, INVALID, "intact over a broken ingredient"),
    "E-sig-CA.jpg": (INVALID, None, "signature broken"),
    "XCA.jpg": (INVALID, None, "changed after signing"),
    "dashinit.mp4": (INVALID, None, "first piece of a stream, without the pieces it was signed with"),
    "no_alg.jpg": (INVALID, None, "claim names no algorithm"),
    "prerelease.jpg": (INVALID, None, "form from before version 1"),
    "cloud.jpg": (NONE, None, "manifest kept elsewhere, not fetched"),
    "cloudx.jpg": (NONE, None, "manifest kept elsewhere, not fetched"),
    "libpng-test_with_url.png": (NONE, None, "manifest kept elsewhere, not fetched"),
}


def issuers(data: bytes) -> str:
    """Certificates inside the file that issue others, as the trust list of this test."""
    found: list[str] = []
    at = data.find(b"\x30\x82")
    while at >= 0:
        piece = data[at : at + int.from_bytes(data[at + 2 : at + 4], "big") + 4]
        try:
            certificate = x509.load_der_x509_certificate(piece)
            if certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
                found.append(certificate.public_bytes(Encoding.PEM).decode())
        except (ValueError, x509.ExtensionNotFound):
            pass
        at = data.find(b"\x30\x82", at + 1)
    return "".join(dict.fromkeys(found))


def judge(path: Path, expected: Expected) -> Iterator[dict[str, Any]]:
    """One row without a trust list; one with it where the file should then be trusted."""
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    try:
        format = sniff(head)[1]
    except VeriscopeError as error:
        yield {"file": path.name, "state": error.code, "pass": expected[0] == NONE, "remark": "not taken in"}
        return
    state, ingredients, remark = expected
    anchors = [None, issuers(path.read_bytes())] if state == VALID else [None]
    for trust in anchors:
        found = read_credentials(path, format, trust)
        right = found["state"] == (VALID if trust is None else "trusted") if state == VALID else found["state"] == state
        right &= ingredients in {None, found["ingredientState"]}
        right &= ("not fetched" in remark) == bool(found.get("remote") and found["state"] == NONE)
        codes = found.get("codes", {}).get("failure", [])
        yield {
            "file": path.name.removeprefix(PREFIX),
            "list": trust is not None,
            "state": found["state"],
            "ingredients": found["ingredientState"],
            "codes": [code for code in codes if code != "signingCredential.untrusted"] or found.get("problem") or "",
            "ai": found["aiDeclared"],
            "pass": right,
            "remark": remark,
        }


def main() -> int:
    options = arguments(__doc__).parse_args()
    rows = []
    for folder, known in (("c2pa-public-testfiles", PUBLIC), ("c2pa-rs", LIBRARY)):
        for path in sorted((options.data / "provenance" / folder).iterdir()):
            for row in judge(path, known.get(path.name, (NONE, None, "never signed"))):
                rows.append({"folder": folder, **row})
    if options.json:
        print(json.dumps(rows))
    else:
        for row in rows:
            mark = "ok   " if row["pass"] else "WRONG"
            trust = "list" if row.get("list") else "    "
            codes = row.get("codes") or ""
            line = f"{mark} {row['file']:34} {trust} {row['state']:8} ingredients {row.get('ingredients', ''):8}"
            print(f"{line} {row['remark']}; {', '.join(codes) if isinstance(codes, list) else codes}".rstrip("; "))
    wrong = sum(not row["pass"] for row in rows)
    print(f"{len(rows) - wrong} of {len(rows)} right", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
