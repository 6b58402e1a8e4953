"""Whether the modules that WFCONSOLE_WORKFLOWS names can be used."""

import traceback
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import CommandError

import runs.engine
from runs.catalog.registry import registry

EX_CONFIG = 78
ENGINE = str(Path(runs.engine.__file__).parent)


def check_own_workflows() -> None:
    """Raises CommandError with one line that names the file and what is wrong in it: its user has to mend it."""
    try:
        registry()
    except ImproperlyConfigured as error:
        raise CommandError(f"wfconsole: {error}", returncode=EX_CONFIG) from None
    except SyntaxError as error:
        raise CommandError(
            f"wfconsole: {error.filename}, line {error.lineno}: {error.msg}", returncode=EX_CONFIG
        ) from None
    except Exception as error:
        places = traceback.extract_tb(error.__traceback__)
        theirs = [place for place in places if not place.filename.startswith(ENGINE)]  # the engine only refuses
        place = (theirs or places)[-1]
        raise CommandError(
            f"wfconsole: a module of WFCONSOLE_WORKFLOWS cannot be imported: {type(error).__name__}: {error} "
            f"({place.filename}, line {place.lineno})",
            returncode=EX_CONFIG,
        ) from None
