"""When a stack is awake: `officeHours` as EventBridge Scheduler's expressions. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
# A stopped instance needs some ten minutes until it takes connections, and a task that finds none ends and is tried
# again: so the database goes first, and is the last one to go.
DATABASE_LEAD = timedelta(minutes=15)
DATABASE_LAG = timedelta(minutes=10)
_DAY = timedelta(days=1)


def _time(value: str) -> str:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value)
    if not found:
        raise ValueError("must be a time of day such as 08:00")
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is no time zone of the IANA database; write one such as Europe/Berlin or America/Los_Angeles")
    return value


class OfficeHours(BaseModel):
    """From `start` to `stop` on `days`, in `timezone` (daylight saving time is Scheduler's business)."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    start: Annotated[str, AfterValidator(_time)]
    stop: Annotated[str, AfterValidator(_time)]
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    days: Annotated[tuple[str, ...], Field(min_length=1)] = Field(DAYS[:5], strict=False)

    @model_validator(mode="after")
    def _fits(self) -> OfficeHours:
        if unknown := [day for day in self.days if day not in DAYS]:
            raise ValueError(f"days has {unknown[0]!r}; the days are {', '.join(DAYS)}")
        if self._start - DATABASE_LEAD < timedelta() or self._stop + DATABASE_LAG >= _DAY:
            raise ValueError("start must be 00:15 or later and stop 23:49 or earlier: the database needs the rest")
        if self._stop <= self._start:
            raise ValueError(f"stop ({self.stop}) must be later on the same day than start ({self.start})")
        return self

    @property
    def _start(self) -> timedelta:
        return _of_day(self.start)

    @property
    def _stop(self) -> timedelta:
        return _of_day(self.stop)

    @property
    def hours_a_week(self) -> float:
        """Hours in which the service is scaled up."""
        return (self._stop - self._start) / timedelta(hours=1) * len(set(self.days))

    def service_start(self) -> str:
        return _cron(self._start, self.days)

    def service_stop(self) -> str:
        """Every day, so that what somebody woke on a Saturday goes to sleep as well."""
        return _cron(self._stop, DAYS)

    def database_start(self) -> str:
        return _cron(self._start - DATABASE_LEAD, self.days)

    def database_stop(self) -> str:
        """Every day: RDS starts a stopped instance by itself after seven days, and this stops it again.
        https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_StopInstance.html"""
        return _cron(self._stop + DATABASE_LAG, DAYS)


def _of_day(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _cron(at: timedelta, days: tuple[str, ...]) -> str:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based"""
    hours, minutes = divmod(int(at.total_seconds()) // 60, 60)
    chosen = [day for day in DAYS if day in days]
    return f"cron({minutes} {hours} ? * {'*' if len(chosen) == len(DAYS) else ','.join(chosen)} *)"
