"""The parser of webhook bodies: no exception, and what is made of a body can be written down.

python -m fuzz.parser CORPUS -runs=N, and any other option of libFuzzer
"""

import sys

import atheris

with atheris.instrument_imports(include=["shared"]):
    from tests.pushed_bodies import assert_kept_or_refused, hostile_bodies

if __name__ == "__main__":
    for body in hostile_bodies():
        assert_kept_or_refused(body)
    atheris.Setup(sys.argv, assert_kept_or_refused)
    atheris.Fuzz()
