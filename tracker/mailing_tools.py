"""What each mailing tool calls a recipient's address, and a field of one's own, in the mail's HTML.

Where these were looked up:

- Mailchimp: https://mailchimp.com/developer/marketing/docs/merge-fields, and *|EMAIL|* beside
  %%emailaddr%% in https://knowledge.validity.com/hc/en-us/articles/360047239072
- Brevo: https://help.brevo.com/hc/en-us/articles/4402386448530
- HubSpot: https://developers.hubspot.com/docs/cms/guides/email/hubdb-crm-objects (contact.…)
- Salesforce Marketing Cloud: the page of Validity above;
  https://help.salesforce.com/s/articleView?id=mktg.mc_jb_personalization_in_the_journey_builder_send_email_activity.htm
- SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/sending-email/using-handlebars
- Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/batch-sending
  (%recipient.key% for the keys that one sends along, here email and code)
- Campaign Monitor: https://help.oneclickpolitics.com/hc/en-us/articles/228081588 (as it is built in
  there), https://www.emailonacid.com/help-article/what-is-a-merge-tag-d1/
- listmonk: https://listmonk.app/docs/templating
- Mautic: https://github.com/mautic/user-documentation/blob/5.x/docs/configuration/variables.rst
- Thunderbird: https://addons.thunderbird.net/thunderbird/addon/mail-merge/
- Klaviyo: https://help.klaviyo.com/hc/en-us/articles/27843522951707 (which names the place where
  the tool shows its variables, not these)

Of ActiveCampaign, MailerLite and Sendy no page of their makers could be read when this was written:
these forms are the ones in general use. Every tool shows its own in a menu of its editor.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailingTool:
    """``code``: of a field into which the column "code" of the snippets was imported."""

    name: str
    address: str
    code: str


TOOLS = (
    MailingTool("ActiveCampaign", "%EMAIL%", "%CODE%"),
    MailingTool("Brevo", "{{ contact.EMAIL }}", "{{ contact.CODE }}"),
    MailingTool("Campaign Monitor", "[email]", "[code,fallback=]"),
    MailingTool("HubSpot", "{{ contact.email }}", "{{ contact.code }}"),
    MailingTool("Klaviyo", "{{ email }}", "{{ person|lookup:'code' }}"),
    MailingTool("listmonk", "{{ .Subscriber.Email }}", "{{ .Subscriber.Attribs.code }}"),
    MailingTool("Mailchimp", "*|EMAIL|*", "*|CODE|*"),
    MailingTool("MailerLite", "{$email}", "{$code}"),
    MailingTool("Mailgun", "%recipient.email%", "%recipient.code%"),
    MailingTool("Mautic", "{contactfield=email}", "{contactfield=code}"),
    MailingTool("Salesforce Marketing Cloud", "%%emailaddr%%", "%%code%%"),
    MailingTool("SendGrid", "{{email}}", "{{code}}"),
    MailingTool("Sendy", "[Email]", "[code,fallback=]"),
    MailingTool("Thunderbird", "{{email}}", "{{code}}"),
)
