"""The texts that come with the product, once in the life of a database.

Later releases add theirs by `manage.py templates --install` alone, so an upgrade brings back nothing that staff deleted.
A database that is made later gets the texts as they are then.
"""

from collections import Counter

from django.db import migrations

from incidents.shipped_templates import SHIPPED

FIELDS = (
    "kind",
    "name",
    "title",
    "body",
    "status",
    "reason",
    "advice_before",
    "advice_during",
    "advice_after",
    "data_statement",
    "notify",
    "next_update_minutes",
    "work_minutes",
    "avoid_before_minutes",
    "avoid_after_minutes",
)


def install(apps, schema_editor):
    positions = Counter()
    rows = []
    for key, prepared in SHIPPED.items():
        positions[prepared.kind] += 1
        values = {name: getattr(prepared, name) for name in FIELDS}
        rows.append((key, values, positions[prepared.kind]))
    template = apps.get_model("incidents", "IncidentTemplate")
    template.objects.bulk_create(
        template(shipped_as=key, position=position, **values) for key, values, position in rows
    )


class Migration(migrations.Migration):
    dependencies = [("incidents", "0003_composing")]

    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
