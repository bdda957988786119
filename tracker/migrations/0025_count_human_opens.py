"""How many of a pixel's opens were by people, of what was recorded before that was counted."""

from __future__ import annotations

from typing import Any

from django.db import migrations, transaction
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce, Greatest

# As tracker.verdicts numbers them: this one and those above are people's.
LEAST_HUMAN = 5
AT_ONCE = 5_000


def count_human_opens(apps: Any, schema_editor: Any) -> None:
    """In groups, each locked before its opens are counted: hits go on being recorded meanwhile. What
    a server of the former version records after its group was counted, ``verify_counts`` finds.

    Where old opens are removed, one is certain: without it the pixel would not be opened by a
    person.
    """
    unique_opens = apps.get_model("tracker", "UniqueOpen").objects
    opens = apps.get_model("tracker", "Open").objects
    counted = (
        opens.filter(pixel=OuterRef("pk"), verdict__gte=LEAST_HUMAN)
        .order_by()
        .values("pixel")
        .annotate(number=Count("pk"))
        .values("number")
    )
    by_people = unique_opens.filter(verdict__gte=LEAST_HUMAN).order_by("pk")
    numbers = by_people.values_list("pk", flat=True)
    some = list(numbers[:AT_ONCE])
    while some:
        with transaction.atomic():
            locked = list(by_people.select_for_update().filter(pk__in=some))
            several = [one.pk for one in locked if one.open_count > 1]
            unique_opens.filter(pk__in=[one.pk for one in locked]).update(human_open_count=1)
            unique_opens.filter(pk__in=several).update(
                human_open_count=Greatest(1, Coalesce(Subquery(counted), 1))
            )
        some = list(numbers.filter(pk__gt=some[-1])[:AT_ONCE])


class Migration(migrations.Migration):
    # No lock lasts longer than a group; broken off, it begins anew and ends with the same.
    atomic = False

    dependencies = [("tracker", "0024_human_open_count")]

    operations = [
        migrations.RunPython(count_human_opens, migrations.RunPython.noop, atomic=False),
    ]
