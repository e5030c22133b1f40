"""Nothing that works on people may lay tables aside on a disk in the clear when memory is short."""

from __future__ import annotations

import os

from lifecourse.base.errors import ConfigError

POLARS = "POLARS_OOC"
"""How the variables begin that have Polars lay aside what does not fit, unencrypted, in a folder of the user's."""
NO_SPILLING = {"temp_directory": ""}
"""With this DuckDB lays nothing aside: what does not fit is an error."""


def refuse_spilling() -> None:
    """Refuse to work where Polars was told to lay tables aside.

    Raises
    ------
    ConfigError
        A variable of the environment says so.
    """
    told = sorted(name for name in os.environ if name.startswith(POLARS))
    if told:
        raise ConfigError(
            f"{told[0]} is set: Polars would lay records aside on the disk unencrypted. Unset it; shards are small "
            "enough to need no such thing."
        )
