"""What is known of a host that cannot clone."""

from __future__ import annotations

from dataclasses import replace

from pytest_smolvm.pool import obstacles
from pytest_smolvm.pool.site import Site


def test_an_obstacle_is_known_until_another_qemu_is_there(site: Site) -> None:
    assert "" == obstacles.known(site.store, site.hypervisor)

    obstacles.record(site.store, site.hypervisor, "QEMU refused migrate: no")

    assert "QEMU refused migrate: no" == obstacles.known(site.store, site.hypervisor)
    assert "" == obstacles.known(site.store, replace(site.hypervisor, version="9.9"))


def test_what_the_report_says(site: Site) -> None:
    assert "clone" == obstacles.described("clone", site.store, site.hypervisor)

    obstacles.record(site.store, site.hypervisor, "QEMU refused migrate: no")

    told = obstacles.described("clone", site.store, site.hypervisor)
    assert "cold, since they cannot be cloned here: QEMU refused migrate: no" == told
    assert "cold" == obstacles.described("cold", site.store, site.hypervisor)
