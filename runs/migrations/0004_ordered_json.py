import runs.models.ordered_json
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0003_lean_indexes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='workflowversion',
            name='definition_json',
            field=runs.models.ordered_json.OrderedJSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='graph',
            field=runs.models.ordered_json.OrderedJSONField(default=list),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='input_schema',
            field=runs.models.ordered_json.OrderedJSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='output_schema',
            field=runs.models.ordered_json.OrderedJSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='request_context_schema',
            field=runs.models.ordered_json.OrderedJSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='state_schema',
            field=runs.models.ordered_json.OrderedJSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='workflowversion',
            name='steps',
            field=runs.models.ordered_json.OrderedJSONField(default=dict),
        ),
    ]
