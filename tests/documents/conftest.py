"""Fixtures that several folders of these tests share. Touch this to share another one."""

from __future__ import annotations

from tests.support.installed_packages import installed

__all__ = ["installed"]
