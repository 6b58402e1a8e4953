import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('runs', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='workflowrun',
            name='run_queue',
        ),
        migrations.AddField(
            model_name='payload',
            name='parts',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='workflowdefinition',
            name='problem',
            field=models.CharField(blank=True, editable=False, max_length=300),
        ),
        migrations.AddField(
            model_name='workflowrun',
            name='updated_at',
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(condition=models.Q(('queued', True)), fields=['workflow', '-priority', 'created_at'], name='run_queue'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(condition=models.Q(('cancel_requested_at__isnull', False), ('status', 'running')), fields=['cancel_requested_at'], name='run_to_cancel'),
        ),
        migrations.AddIndex(
            model_name='workflowrun',
            index=models.Index(condition=models.Q(('queued', True)), fields=['actor'], name='run_queue_of_actor'),
        ),
    ]
