"""Reading an exposition as Prometheus does."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ..conftest import Api


class Told:
    """What a server tells at one instant."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples: list[Sample] = [s for family in self.families.values() for s in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The one sample of that name with these labels."""
        [value] = [s.value for s in self.samples if s.name == name and labels.items() <= s.labels.items()]
        return value

    def labelled(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of a name by the values of its labels, these in the order of their names."""
        return {
            tuple(v for _, v in sorted(s.labels.items())): s.value for s in self.samples if s.name == name
        }


async def told(api: Api) -> Told:
    """What it tells now."""
    response = await api.fetch("/metrics")
    assert response.code == 200
    return Told(response.body.decode())
