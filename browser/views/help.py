"""What the words and signs mean."""

from browser.views.base import VIEW_EVENTS, VIEW_PROCESSES, BrowserView


class HelpView(BrowserView):
    template_name = "browser/help.html"
    any_permission = (VIEW_EVENTS, VIEW_PROCESSES)
    obeys_policy = True
