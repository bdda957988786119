"""The names by which programs that fetch pictures are known, each list with what it is for.

Which list is asked first, and where in an agent a name counts, says tracker.verdicts.agents.
"""

from __future__ import annotations

GMAIL_PREFETCH = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
BARE_MOZILLA = "Mozilla/5.0"

# Sent unchanged for years by mail scanners, and by the genuine browser too: nobody can tell.
FROZEN_BROWSERS = frozenset(
    {
        *(
            f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            f"Chrome/{major}.0.0.0 Safari/537.36"
            for major in (103, 104)
        ),
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; Trident/6.0)",
        "Mozilla/5.0 (Windows; U; Windows NT 5.1; en-US; rv:1.9.0.6) Gecko/2009011913 "
        "Firefox/3.0.6",
    }
)
# What the proxy of mail.ru calls itself; whether it is that proxy only its address can say.
MAIL_RU_PROXY = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/32.0.1700.2 Safari/537.36"
)

GMAIL_PROXY_MARKS = ("GoogleImageProxy", "via ggpht.com")

MAIL_PROXY_MARKS = (
    "YahooMailProxy",
    "SeznamEmailProxy",
    "RamblerMail",
    "secureurl.fwdcdn.com",
    "mail.ukr.net proxy",
    "FastmailUA",
)

# In lists only, never seen in a log, or of a service whose moment of fetching is not known.
RARE_MAIL_PROXY_MARKS = (
    "Shortwave Image Fetcher",
    "OutlookImageProxy",
    "YandexImageResizer",
)

SCANNERS = (
    *("Barracuda", "Proofpoint", "Mimecast", "IronPort", "MessageLabs", "Cloudmark", "Avanan"),
    *("Kaspersky Lab CFR", "YandexAntivirus", "TwinWave", "SCMGUARD", "PhishBucket", "Valimail"),
    *("Google-Safety", "Google Safe Browsing", "VirusTotal", "urlscan.io", "PhishTank"),
    *("CheckPhish", "MailScanner", "SpamAssassin", "Rspamd", "ClamAV", "SpamTitan", "Spamhaus"),
    *("Vade Secure", "VadeSecure", "Hornetsecurity", "IRONSCALES", "FireEye", "Trend Micro"),
    *("TrendMicro", "FortiSandbox", "FortiMail", "FortiGuard", "JoeSandbox", "Darktrace"),
    *("Perception Point", "Cofense", "Symantec.cloud", "Trustwave", "Safe Links"),
)

# Product names that a person's browser behind the company's proxy carries as well: they count
# only in an agent that does not look like a browser.
SCANNER_PRODUCTS = (
    *("Symantec", "Sophos", "Forcepoint", "Websense", "Fortinet", "Zscaler", "McAfee", "Trellix"),
    *("Kaspersky", "Bitdefender", "F-Secure", "WithSecure", "Check Point", "CheckPoint", "ESET"),
    *("Palo Alto", "PaloAlto", "Cisco", "Avast", "Microsoft Defender", "Dr.Web", "Netskope"),
    *("antivirus", "anti-virus", "antispam", "anti-spam", "phish", "malware", "virus", "sandbox"),
    *("threat", "email security", "mail security", "emailsecurity", "mailsecurity", "url scan"),
    *("link scan", "urlscan", "linkscan", "email scan", "mail scan", "domain scan"),
    *(
        "mail-scan",
        "outlook-scan",
        "mail gateway",
        "mail filter",
        "mailfilter",
        "mailguard",
        "mail guard",
    ),
)

UNFURLERS = (
    *("facebookexternal", "facebookcatalog", "meta-external", "Facebot", "Twitterbot"),
    *("LinkedInBot", "Slackbot", "Slack-ImgProxy", "Discordbot", "TelegramBot", "SkypeUriPreview"),
    *("MicrosoftPreview", "BingPreview", "Teams-Preview", "TeamsBot", "github-camo"),
    *("Yahoo Link Preview", "Yahoo! Slurp", "Pinterest/0", "Pinterestbot", "redditbot", "Embedly"),
    *("Iframely", "vkShare", "kakaotalk-scrap", "line-poker", "Google Web Preview"),
    *("Google-PageRenderer", "Google-Read-Aloud", "Google Favicon", "Snap URL Preview"),
    *("Mastodon/", "Pleroma", "Nextcloud Server", "Bitlybot", "FlipboardProxy", "XING-contenttab"),
    *("link preview", "linkpreview", "url preview", "Chrome Privacy Preserving Prefetch"),
    *("Microsoft Office Existence Discovery", "Microsoft Office Protocol Discovery"),
    *("Microsoft-WebDAV-MiniRedir", "Microsoft Data Access", "Amazon-Route53", "HubSpot Connect"),
)

# Programs in which people also read: only what does not look like a browser looks ahead.
CHAT_PROGRAMS = (
    *("WhatsApp", "Signal", "Viber", "Telegram", "Skype", "Microsoft Teams", "MicrosoftTeams"),
    *("MSTeams", "Teams/", "Slack", "Discord", "Zoom", "Rocket.Chat", "Mattermost", "Tumblr"),
    *("Synapse/", "Misskey", "Line/", "Snapchat", "KakaoTalk", "WeChat", "MicroMessenger"),
)

# With these people write programs of their own; a mail client that is built on one of the others
# may name it.
SCRIPTING = (
    *("curl/", "libcurl", "PycURL", "Wget", "HTTPie", "python-requests", "python-urllib"),
    *("Python/", "aiohttp", "python-httpx", "Scrapy", "Go-http-client", "libwww", "LWP::"),
    *("PHP/", "Guzzle", "PostmanRuntime", "Apache-HttpClient", "PowerShell/", "Mechanize"),
)

LIBRARIES = (
    *("curl/", "libcurl", "PycURL", "Wget", "HTTPie", "aria2", "PowerShell/", "WindowsPowerShell"),
    *("python-requests", "python-urllib", "Python-httplib", "Python/", "aiohttp", "python-httpx"),
    *("httpx", "urllib", "Scrapy", "MechanicalSoup", "Go-http-client", "Go http package"),
    *("fasthttp", "Java/", "Java-http-client", "Java1.", "Apache-HttpClient"),
    *("Apache-HttpAsyncClient", "Jakarta Commons", "Commons-HttpClient", "okhttp", "AHC/"),
    *(
        "Jetty/",
        "unirest",
        "Jersey/",
        "ReactorNetty",
        "Apache CXF",
        "Apache-CXF",
        "Vert.x",
        "akka-http",
        "Ktor",
    ),
    *("Retrofit", "Scala", "http-kit", "axios", "node-fetch", "undici", "node-superagent"),
    *("superagent", "node.js", "Node/", "got/", "got (", "needle/", "Deno/", "Bun/"),
    *("Electron-Fetch", "request/", "nodejs", "jsdom", "Guzzle", "PHP/", "PHP-", "php-requests"),
    *("Symfony", "Zend_Http", "Laminas_Http", "WordPress", "HTTP_Request", "Snoopy", "Buzz/"),
    *("libwww", "LWP::", "lwp-", "LWP/", "WWW-Mechanize", "HTTP-Tiny", "Mojolicious", "Perl/"),
    *("Ruby", "Faraday", "rest-client", "Typhoeus", "http.rb", "HTTPClient/", "Mechanize"),
    *("excon", "HTTParty", "PostmanRuntime", "insomnia", "Bruno", "lua-resty", "LuaSocket"),
    *("reqwest", "hyper/", "ureq", "isahc", "Dart/", "RestSharp", ".NET", "Hackney", "Finch"),
    *("Mint/", "Erlang", "Elixir", "Haskell", "http-client/", "k6/", "ApacheBench", "JMeter"),
    *("Siege/", "wrk/", "hey/", "vegeta", "Locust", "Alamofire", "AFNetworking", "WinHTTP"),
    *("WinInet", "Indy Library", "MSXML", "Microsoft BITS", "Microsoft-CryptoAPI", "Lynx-fetch"),
    *("fetch/", "libfetch", "Mozilla-fetch", "CakePHP", "CodeIgniter", "colly"),
)

CRAWLERS = (
    *("Googlebot", "AdsBot", "Mediapartners-Google", "APIs-Google", "FeedFetcher", "GoogleOther"),
    *("Google-Apps-Script", "Google-InspectionTool", "Google-Site", "GoogleDocs", "Google-Agent"),
    *("GoogleAgent", "Google-Ads", "Siteimprove", "bingbot", "msnbot", "adidxbot", "YandexBot"),
    *("YandexImages", "Applebot", "AhrefsBot", "SemrushBot", "MJ12bot", "DotBot", "Baiduspider"),
    *("DuckDuckBot", "DuckAssist", "PetalBot", "Bytespider", "CCBot", "SeznamBot"),
    *("Sogou web", "Sogou inst", "Sogou Pic", "Sogou News", "Sogou-Test", "Storebot-Google"),
    *("Exabot", "Qwantify", "ia_archiver", "archive.org", "Screaming Frog", "Sitebulb", "Nutch"),
    *("heritrix", "HTTrack", "NetcraftSurvey", "Netcraft", "CensysInspect", "zgrab", "masscan"),
    *("acunetix", "OpenVAS", "Nmap", "Nessus", "Nikto", "nuclei", "sqlmap", "Shodan"),
    *("InternetMeasurement", "Expanse", "W3C_Validator", "W3C-checklink", "BuiltWith"),
    *("Wappalyzer", "EmailWolf", "EmailSiphon", "EmailCollector", "Email Extractor"),
    *("EmailExtractor", "ExtractorPro", "Mail.RU_Bot"),
    *("Dataprovider", "DataForSeo"),
    *("BLEXBot", "Cliqzbot", "yacy", "Daum/", "Daumoa", "Yeti/", "Amazonbot"),
)

# Services that look pictures up, and whose name a program of theirs that people use may carry as
# well: they count only in an agent that does not look like a browser.
CRAWLING_SERVICES = (
    *("Feedly", "Feedbin", "NewsBlur", "Inoreader", "Miniflux", "Tiny Tiny RSS", "FreshRSS"),
    *("Mailchimp", "Mailgun", "SendGrid", "Klaviyo/", "Omnisend/", "Salesforce.com", "Litmus"),
    *("ZoomInfo",),
)


MONITORS = (
    *("UptimeRobot", "Uptime-Kuma", "Uptime Kuma", "Pingdom", "NodePing", "Dotcom-Monitor"),
    *("Panopta", "Ruxit", "StatusCake", "Site24x7", "Nagios", "check_http", "Zabbix", "Datadog"),
    *("NewRelic", "New Relic", "GTmetrix", "Better Uptime", "Better Stack", "kube-probe"),
    *("ELB-HealthChecker", "GoogleHC", "GoogleStackdriver", "Prometheus/", "Blackbox Exporter"),
    *("HetrixTools", "Freshping", "updown.io", "hyperping", "Checkly", "health check"),
    *("healthcheck", "health-check", "healthchecker", "Envoy/", "HAProxy", "Consul Health"),
    *("Monit/", "montastic", "PRTG", "Dynatrace", "Catchpoint", "ThousandEyes", "monitis"),
    *("monitoring", "Icinga", "Sensu", "Cloudflare-Traffic", "SiteUptime", "Uptime"),
)

AUTOMATED_BROWSERS = (
    *("HeadlessChrome", "Headless", "PhantomJS", "Puppeteer", "Playwright", "Selenium"),
    *("Chrome-Lighthouse", "SlimerJS", "CasperJS", "HtmlUnit", "Cypress", "WebDriver", "wkhtmlto"),
    *(
        "Prerender (",
        "Google-PageSpeed",
        "Zombie.js",
        "TestCafe",
        "Nightmare",
        "PTST/",
        "Ghost Inspector",
        "DareBoost",
    ),
)

# Content networks that put their own name in the place of whoever asked them.
CONTENT_NETWORKS = ("Amazon CloudFront",)

MAIL_CLIENTS = (
    *("Microsoft Outlook", "MSOffice", "ms-office", "Microsoft Office", "Outlook", "MacOutlook"),
    *("OneOutlook", "WindowsMail", "Windows Mail", "Windows-Live-Mail", "Thunderbird"),
    *("Betterbird", "Icedove", "Shredder", "SeaMonkey", "Spicebird", "WorxMail"),
    *("BLACKBERRY-WorkConnect", "Lightning", "Postbox", "Airmail", "Lotus-Notes", "HCL-Notes"),
    *("Lotus Notes", "HCL Notes", "IBM Notes", "The Bat!", "eM Client", "eMClient", "Mailbird"),
    *(
        "BlueMail",
        "Mailspring",
        "Nylas",
        "Superhuman",
        "Spark/",
        "SparkMail",
        "SparkDesktop",
        "com.readdle",
    ),
    *("Readdle", "Edison Mail", "EdisonMail", "Edison/", "Unibox", "Spike/", "K-9", "k9mail"),
    *("FairEmail", "Evolution", "KMail", "Kontact", "Geary", "Sylpheed", "Claws", "Trojita"),
    *("Balsa", "BarcaPro", "Barca", "Eudora", "Entourage", "PocoMail", "Foxmail", "IncrediMail"),
    *("Pegasus", "Opera Mail", "M2/", "Becky!", "Zimbra", "GroupWise", "Polymail", "Canary Mail"),
    *("CanaryMail", "Newton/", "Mimestream", "MailMate", "Android-Gmail", "ymail", "MailMaster"),
    *("MailBar", "NaverMail", "DaumMail", "QQMail", "ru.mail", "myMail", "ProtonMail"),
    *("Proton Mail", "Tutanota", "Tuta/", "Aqua Mail", "AquaMail", "Nine/", "SamsungEmail"),
    *("Samsung Email", "com.samsung.android.email", "com.microsoft.office.outlook"),
    *("com.google.android.gm", "MobileMail", "Yahoo%20Mail", "YahooMobileMail"),
    *("Apple Mail", "AppleMail", "Vivaldi Mail", "ru.yandex.mail"),
)
