"""The `alertmanager.yml` that tells the bot everything: the guide's routes, with labels and ends."""

YOUR_URL = "https://your.host/alertmanager"
# Source: Maintenance Guide, Alert Configuration: its grouping, its three intervals, its title and its text.
_FILE = """\
# Made by `python -m bot docs`. Change `url`, and put the value of TAKUMI_BOT_ALERTMANAGER_TOKEN into the file of the
# credentials. The guide's own receiver is kept, to go back to by its name: write 'slack' as the first `receiver`.
route:
  group_by: ['alertname', 'severity']
  group_wait: 10s
  group_interval: 10s
  repeat_interval: 12h
  receiver: 'takumi'

receivers:
- name: 'takumi'
  webhook_configs:
  - url: '%(url)s'
    send_resolved: true
    http_config:
      authorization:
        type: Bearer
        credentials_file: '/etc/alertmanager/takumi-token'
- name: 'slack'
  slack_configs:
  - api_url: 'https://hooks.slack.com/services/YOUR/WEBHOOK/URL'
    channel: '#takumi-alerts'
    title: 'Takumi Alert'
    text: '{{ range .Alerts }}{{ .Annotations.description }}{{ end }}'
"""


def alertmanager_file(url: str = YOUR_URL) -> str:
    """For Alertmanager 0.22 and newer."""
    return _FILE % {"url": url}
