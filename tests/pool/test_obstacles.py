"""What is known of a host that cannot clone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import clock
from pytest_smolvm.pool import obstacles
from pytest_smolvm.pool.site import Site

NO = "QEMU refused migrate: no"


def test_an_obstacle_is_known_until_another_qemu_is_there(spec: GuestSpec, site: Site) -> None:
    assert "" == obstacles.known(site.store, site.hypervisor, spec.hardware)

    obstacles.record(site.store, site.hypervisor, spec.hardware, NO)

    assert NO == obstacles.known(site.store, site.hypervisor, spec.hardware)
    assert "" == obstacles.known(site.store, replace(site.hypervisor, version="9.9"), spec.hardware)


@pytest.mark.parametrize("want", [{"bus": "sata"}, {"secure_boot": True}, {"firmware": "bios"}])
def test_what_one_kind_of_machine_is_refused_is_not_everybodys(
    spec: GuestSpec, site: Site, want: dict[str, object]
) -> None:
    obstacles.record(site.store, site.hypervisor, spec.having(**want).hardware, "no")
    assert "" == obstacles.known(site.store, site.hypervisor, spec.hardware)

    obstacles.record(site.store, site.hypervisor, spec.hardware, NO)
    assert NO == obstacles.known(site.store, site.hypervisor, spec.having(memory=512, cpus=1).hardware)
    assert "no" == obstacles.known(site.store, site.hypervisor, spec.having(**want).hardware)


def test_an_obstacle_is_not_believed_for_long(spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    obstacles.record(site.store, site.hypervisor, spec.hardware, NO)
    later = clock.now() + obstacles.KEPT_SECONDS + 1
    monkeypatch.setattr(clock, "now", lambda: later)

    assert "" == obstacles.known(site.store, site.hypervisor, spec.hardware)


def test_what_the_report_says(spec: GuestSpec, site: Site) -> None:
    assert "clone" == obstacles.described(spec, site.store, site.hypervisor)

    obstacles.record(site.store, site.hypervisor, spec.hardware, NO)

    told = obstacles.described(spec, site.store, site.hypervisor)
    assert f"cold, since they cannot be cloned here: {NO}" == told
    assert "cold" == obstacles.described(spec.having(boot="cold"), site.store, site.hypervisor)
