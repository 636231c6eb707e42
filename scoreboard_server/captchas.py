"""The captcha that the settings name, put together."""

from __future__ import annotations

import time
from collections.abc import Callable

from .flow.captcha import Captcha
from .flow.ports import CaptchaProvider, Spent
from .settings import CaptchaSettings, Settings, SettingsError
from .signing_secret import read_secret


def make_captcha(
    settings: Settings, secret: bytes, spent: Spent, is_cut_off: Callable[[], bool]
) -> Captcha | None:
    """None without a provider. secret: signs what is made here. is_cut_off: see `Captcha`.

    Raises SettingsError.
    """
    captcha = settings.captcha
    if captcha.provider == "none":
        return None
    if captcha.provider == "altcha":
        from .outside.proof_of_work import Altcha  # noqa: PLC0415 -- its library is for who uses it

        return Captcha(Altcha(secret, captcha.difficulty, time.time), spent, is_cut_off)
    return Captcha(_service(captcha), spent, is_cut_off)


def _service(captcha: CaptchaSettings) -> CaptchaProvider:
    from .outside.siteverify import Siteverify  # noqa: PLC0415 -- as above

    return Siteverify(
        captcha.provider,
        site_key=captcha.site_key or "",
        secret=captcha.secret or _from_file(captcha),
        hostnames=captcha.hostnames,
        clock=time.time,
        url=captcha.verify_url,
    )


def _from_file(captcha: CaptchaSettings) -> str:
    assert captcha.secret_file is not None  # noqa: S101 -- the settings have been checked
    try:
        secret = read_secret(captcha.secret_file).decode("ascii").strip()
    except UnicodeDecodeError:
        secret = ""
    if not secret:
        raise SettingsError(f"The captcha's secret file {captcha.secret_file} holds no secret.")
    return secret
