-- Synthetic visitors of two websites. visitors.py sets the variables `seed`, `today`, `days`, `ahead`, `shop`
-- and `blog` first. Every number comes from integer arithmetic on (seed, day index, ordinal), where day 0 is `today`:
-- the same seed gives the same traffic on every machine, moved to whatever `today` is.

CREATE MACRO mixed(x) AS (xor(x, x >> 16) * 73244475) & 4294967295;
-- A number in [0, 1). `salt` keeps the draws that belong to one id apart.
CREATE MACRO draw(id, salt) AS
  mixed(mixed((id * 64 + salt * 7919 + getvariable('seed') * 104729) & 4294967295)) / 4294967296.0;
CREATE MACRO below(n, u) AS CAST(floor(u * n) AS BIGINT);
CREATE MACRO choice(list, u) AS list[1 + below(len(list), u)];

-- `weight` counts tickets in the draw of a visitor's home.
CREATE TABLE countries (spelling VARCHAR, code VARCHAR, name VARCHAR, weight INTEGER, language VARCHAR);
INSERT INTO countries VALUES
  ('United States', 'US', 'United States', 60, 'en-US'), ('US', 'US', 'United States', 20, 'en-US'),
  ('USA', 'US', 'United States', 5, 'en-US'), ('Germany', 'DE', 'Germany', 26, 'de-DE'),
    ('DE', 'DE', 'Germany', 8, 'de'),
  ('United Kingdom', 'GB', 'United Kingdom', 20, 'en-GB'), ('GB', 'GB', 'United Kingdom', 6, 'en-GB'),
  ('UK', 'GB', 'United Kingdom', 2, 'en-GB'), ('France', 'FR', 'France', 14, 'fr-FR'),
    ('FR', 'FR', 'France', 4, 'fr'),
  ('Canada', 'CA', 'Canada', 12, 'en-CA'), ('Brazil', 'BR', 'Brazil', 10, 'pt-BR'),
    ('India', 'IN', 'India', 12, 'en-IN'),
  ('Japan', 'JP', 'Japan', 10, 'ja-JP'), ('Netherlands', 'NL', 'Netherlands', 8, 'nl-NL'),
    ('Spain', 'ES', 'Spain', 8, 'es-ES'),
  ('Italy', 'IT', 'Italy', 7, 'it-IT'), ('Poland', 'PL', 'Poland', 6, 'pl-PL'),
    ('Sweden', 'SE', 'Sweden', 5, 'sv-SE'),
  ('Mexico', 'MX', 'Mexico', 5, 'es-MX'), ('Australia', 'AU', 'Australia', 6, 'en-AU'),
    ('Austria', 'AT', 'Austria', 4, 'de-AT'),
  ('Switzerland', 'CH', 'Switzerland', 4, 'de-CH'), ('Türkiye', 'TR', 'Türkiye', 3, 'tr-TR'),
    ('Turkey', 'TR', 'Türkiye', 2, 'tr-TR'),
  ('Côte d’Ivoire', 'CI', 'Côte d’Ivoire', 1, 'fr-CI'), ('South Korea', 'KR', 'South Korea', 4, 'ko-KR'),
  ('Portugal', 'PT', 'Portugal', 3, 'pt-PT'), ('Nepal', 'NP', 'Nepal', 1, 'ne-NP'),
    ('Czechia', 'CZ', 'Czechia', 2, 'cs-CZ'),
  ('Denmark', 'DK', 'Denmark', 2, 'da-DK'), ('Norway', 'NO', 'Norway', 2, 'nb-NO'),
    ('Finland', 'FI', 'Finland', 2, 'fi-FI'),
  ('Ireland', 'IE', 'Ireland', 2, 'en-IE'), ('Ukraine', 'UA', 'Ukraine', 2, 'uk-UA'),
    ('Argentina', 'AR', 'Argentina', 2, 'es-AR'),
  ('Kosovo', 'XK', 'Kosovo', 1, 'sq-XK'), ('São Tomé & Príncipe', 'ST', 'São Tomé & Príncipe', 1, 'pt-ST');

CREATE TEMP TABLE tickets AS
  SELECT row_number() OVER (ORDER BY spelling, ticket) - 1 AS ticket, spelling, code, language
  FROM (SELECT spelling, code, language, unnest(range(weight)) AS ticket FROM countries);

-- Who comes: 6,000 numbers for the shop, 1,000 for the blog, and the campaign's own one-day guests.
CREATE TEMP TABLE visitors AS
  WITH people AS (
    SELECT v, draw(v, 1) AS home, draw(v, 2) AS machine, draw(v, 3) AS software, draw(v, 4) AS quirk,
      draw(v, 5) AS place
    FROM (SELECT unnest(range(7000)) AS v UNION ALL SELECT 100000 + unnest(range(1600)))
  ), at_home AS (
    SELECT p.*, t.spelling, t.code, t.language
    FROM people p JOIN tickets t ON t.ticket = below((SELECT count(*) FROM tickets), p.home)
  )
  SELECT
    v,
    'anon_' || CAST(CAST(md5(getvariable('seed') || ' visitor ' || v) AS UUID) AS VARCHAR) AS anonymous_id,
    CASE WHEN quirk < 0.03 THEN NULL ELSE spelling END AS country,
    CASE WHEN quirk BETWEEN 0.02 AND 0.05 THEN NULL WHEN quirk BETWEEN 0.05 AND 0.07 THEN ''
         WHEN code = 'US' THEN choice(['California', 'New York', 'Texas', 'Oregon'], place)
         WHEN code = 'DE' THEN choice(['Bavaria', 'Thüringen', 'Berlin'], place)
         ELSE choice([spelling || ' Region', spelling || ' Nord', 'Ñandú'], place) END AS region,
    CASE WHEN quirk BETWEEN 0.02 AND 0.06 THEN NULL
         WHEN code = 'US' THEN choice(['San Francisco', 'New York', 'Austin', 'Portland'], place)
         WHEN code = 'DE' THEN choice(['München', 'Jena', 'Berlin'], place)
         ELSE choice([spelling || ' City', 'Springfield', 'L''Aquila'], place) END AS city,
    CASE WHEN quirk > 0.97 THEN 'en' ELSE language END AS language,
    CASE WHEN machine < 0.02 THEN NULL WHEN machine < 0.60 THEN 'desktop' WHEN machine < 0.94 THEN 'mobile'
      ELSE 'tablet' END AS device_type,
    CASE WHEN machine < 0.01 THEN NULL
         WHEN machine < 0.60 THEN choice(['1920x1080', '1366x768', '2560x1440', '3440x1440', '1536x864'],
           place)
         WHEN machine < 0.94 THEN choice(['390x844', '412x915', '360x800'], place)
         ELSE choice(['820x1180', '768x1024'], place) END AS screen_resolution,
    CASE WHEN software < 0.55 THEN 'Chrome' WHEN software < 0.75 THEN 'Safari'
      WHEN software < 0.88 THEN 'Firefox'
         WHEN software < 0.95 THEN 'Edge' WHEN software < 0.985 THEN 'Samsung Internet' END AS browser_name,
    CASE WHEN software < 0.55 THEN choice(['140.0.7339.81', '141.0.7390.54', '142.0.7444.60'], place)
         WHEN software < 0.75 THEN choice(['26.0', '18.6'], place)
           WHEN software < 0.88 THEN choice(['145.0', '144.0.2', '140.5'], place)
         WHEN software < 0.95 THEN '142.0.3595.53' WHEN software < 0.985 THEN '29.0' END AS browser_version,
    CASE WHEN software >= 0.985 THEN NULL WHEN machine < 0.30 THEN 'Windows' WHEN machine < 0.52 THEN 'macOS'
      WHEN machine < 0.60 THEN 'Linux'
         WHEN machine < 0.80 THEN 'Android' ELSE 'iOS' END AS os_name,
    CASE WHEN quirk > 0.9 THEN NULL WHEN machine < 0.30 THEN '11' WHEN machine < 0.60 THEN '15.1'
      ELSE '18' END AS os_version,
    CASE WHEN quirk < 0.4 THEN NULL WHEN quirk < 0.85 THEN '4g' ELSE '3g' END AS connection_type
  FROM at_home;

-- `k` is the day index, `n` the ordinal in its day, `s` a number no other session has.
CREATE TEMP TABLE sessions AS
  WITH calendar AS (
    SELECT k, getvariable('today') + k AS day, 10000000 + k * 2500 AS base
    FROM (SELECT CAST(unnest(range(1 - getvariable('days'), 1 + getvariable('ahead'))) AS INTEGER) AS k)
  ), ordinals AS (
    SELECT k, day, base, getvariable('shop') AS website_id,
      unnest(range(120 + abs(k * 37) % 40 + CASE WHEN abs(k) % 7 IN (2, 3) THEN -30 ELSE 0 END)) AS n,
           NULL AS campaign_page FROM calendar
    UNION ALL
    SELECT k, day, base, getvariable('shop'), 400 + p, p
    FROM (SELECT *, unnest(range(1600)) AS p FROM calendar WHERE k = -10)
    UNION ALL
    -- the blog rests every ninth day
    SELECT k, day, base, getvariable('blog'), 200 + unnest(range(16 + abs(k * 5) % 12)), NULL FROM calendar
    WHERE abs(k) % 9 <> 4
  ), drawn AS (
    SELECT *, base + n AS s, draw(base + n, 1) AS who, draw(base + n, 2) AS long, draw(base + n, 3) AS source,
           draw(base + n, 4) AS hour, draw(base + n, 5) AS minute, draw(base + n, 6) AS extra
    FROM ordinals
  )
  SELECT
    s, k, n, website_id, campaign_page, extra,
    CASE WHEN campaign_page IS NOT NULL THEN 100000 + campaign_page
         WHEN website_id = getvariable('blog') THEN 6000 + below(1000, who * who)
           ELSE below(6000, who * who) END AS v,
    -- one session without an id every tenth day: they all melt into one
    CASE WHEN n = 7 AND abs(k) % 10 = 0 THEN ''
      ELSE 'sess_' || CAST(CAST(md5(getvariable('seed') || ' session ' || s) AS UUID) AS VARCHAR) END
      AS session_id,
    CASE WHEN campaign_page IS NOT NULL THEN 1 WHEN n < 2 THEN 5 WHEN long < 0.42 THEN 1
      WHEN long < 0.65 THEN 2
         WHEN long < 0.80 THEN 3 WHEN long < 0.90 THEN 4 ELSE 6 END AS views,
    -- 0 and 1 walk over midnight UTC; 2 to 4 begin in the last fraction of a second of a day in UTC and in New York
    CAST(day AS TIMESTAMP) + CASE n
      WHEN 0 THEN INTERVAL '86280.250 seconds' WHEN 1 THEN INTERVAL '86345.125 seconds'
      WHEN 2 THEN INTERVAL '86399.700 seconds' WHEN 3 THEN INTERVAL '14399.700 seconds'
        WHEN 4 THEN INTERVAL '17999.700 seconds'
      WHEN 5 THEN INTERVAL '86399 seconds'
      ELSE to_microseconds(below(86400000, (hour + minute) / 2) * 1000 + s % 1000) END AS started,
    CASE WHEN source < 0.30 THEN NULL WHEN source < 0.38 THEN '' WHEN source < 0.50 THEN 'direct'
         ELSE choice([
           'https://www.google.com/', 'https://www.google.co.uk/', 'https://www.bing.com/', 'https://t.co/Ab3xYz',
           'https://news.ycombinator.com/item?id=1', 'https://duckduckgo.com/', 'https://www.reddit.com/r/größe/',
           'https://partner' || below(60, extra) || '.example.net/'
         ], (source - 0.5) * 2) END AS referrer,
    CASE WHEN source > 0.75 THEN choice(['newsletter', 'google', 'facebook', 'partner', 'Überblick', 'a"b\c'],
      extra) END AS utm_source,
    CASE WHEN source > 0.75 THEN choice(['email', 'cpc', 'social', 'affiliate', 'qr'], extra) END
      AS utm_medium,
    CASE WHEN source > 0.75 THEN choice(['autumn_sale', 'brand', 'retargeting', 'weihnachten 🎄', ''],
      extra) END AS utm_campaign
  FROM drawn;

-- One row for each page view, with what happens on the page. `g` is a number no other page view has.
CREATE TEMP TABLE views AS
  WITH steps AS (
    SELECT *, unnest(range(views)) AS step FROM sessions
  ), drawn AS (
    SELECT *, s * 8 + step AS g, draw(s * 8 + step, 7) AS gap, draw(s * 8 + step, 8) AS where_to,
      draw(s * 8 + step, 9) AS sku,
           draw(s * 8 + step, 10) AS speed, draw(s * 8 + step, 11) AS act, draw(s * 8 + step, 12) AS detail
    FROM steps
  ), stayed AS (
    SELECT *, CASE WHEN n < 2 THEN 25000 + below(30000, gap)
      ELSE 3000 + below(170000, gap * gap) END AS stay_ms
    FROM drawn
  )
  SELECT
    t.* EXCLUDE (website_id),
    website_id,
    started + to_milliseconds(CAST(coalesce(
      sum(stay_ms) OVER (PARTITION BY s ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0
    ) AS BIGINT)) AS time,
    CASE
      WHEN campaign_page IS NOT NULL THEN '/campaign/page-' || lpad(CAST(campaign_page AS VARCHAR), 4, '0')
      WHEN website_id = getvariable('blog') THEN
        CASE WHEN where_to < 0.35 THEN '/' ELSE choice([
          '/posts/héllo-wörld', '/posts/duckdb', '/posts/日本語', '/about', '/posts/' || below(40, sku)
        ], detail) END
      WHEN where_to < 0.22 THEN '/'
      WHEN where_to < 0.34 THEN choice(['/pricing', '/cart', '/checkout', '/search', '/über-uns', '/sale'],
        sku)
      WHEN where_to < 0.40 THEN choice([
        '/商品/一覧', '/emoji/🛒', '/quote/"double"', '/quote/''single''', '/back\slash', '/a b/c%20d', '', '/tab\there',
        '/deep/' || repeat('x', 1994)
      ], sku)
      ELSE '/p/sku-' || lpad(CAST(below(320, sku * sku) AS VARCHAR), 5, '0')
    END AS path
  FROM stayed t;

CREATE TABLE events AS
  WITH pages AS (
    SELECT * EXCLUDE (extra, started),
      CASE WHEN website_id = getvariable('shop') THEN 'https://shop.example.com'
        ELSE 'https://blog.example.com' END || path
        || CASE WHEN gap > 0.96 THEN '/'
          WHEN utm_source = 'newsletter' AND step = 0 THEN '?utm_source=newsletter' ELSE '' END AS url
    FROM views
  ), happenings AS (
    SELECT *, 'screen_view' AS kind, 0 AS part, 0 AS after_ms FROM pages
    UNION ALL
    SELECT *, 'page_exit', 1, stay_ms - 400 FROM pages WHERE act < 0.7
    UNION ALL
    -- not every browser measures everything
    SELECT pages.*, 'web_vital', 2 + metric, 1500 FROM pages, range(6) m(metric)
    WHERE detail < 0.06 AND draw(g * 6 + metric, 16) > 0.12
    UNION ALL
    SELECT *, 'error', 8, 1700 FROM pages WHERE act > 0.97
    UNION ALL
    SELECT *, 'custom', 9, 1900 FROM pages WHERE act BETWEEN 0.6 AND 0.7
    UNION ALL
    SELECT *, 'link_out', 10, 2100 FROM pages WHERE act BETWEEN 0.7 AND 0.75
    UNION ALL
    SELECT *, 'revenue', 11, 2300 FROM pages WHERE step = 1 AND gap > 0.9 AND website_id = getvariable('shop')
  ), placed AS (
    SELECT * EXCLUDE (time), time + to_milliseconds(after_ms + part) AS time, draw(g * 12 + part, 13) AS a,
      draw(g * 12 + part, 14) AS b, draw(g * 12 + part, 15) AS delay,
      kind = 'custom' AND act < 0.604 AS by_machine,
      kind = 'screen_view' AND detail > 0.05 AS timed
    FROM happenings
  )
  SELECT
    CAST(CAST(md5(getvariable('seed') || ' event ' || (g * 12 + part)) AS UUID) AS VARCHAR) AS event_id,
    e.website_id,
    e.time,
    -- three in a hundred arrive two hours to two days late
    e.time + CASE WHEN delay < 0.97 THEN to_milliseconds(200 + below(1500, a))
      ELSE to_seconds(7200 + below(165600, b * b)) END AS received_at,
    kind,
    -- some custom events are sent by a machine that knows no visitor
    CASE WHEN by_machine THEN NULL ELSE p.anonymous_id END AS anonymous_id,
    CASE WHEN by_machine THEN NULL ELSE e.session_id END AS session_id,
    CASE WHEN by_machine THEN NULL ELSE url END AS url,
    path,
    referrer,
    utm_source,
    utm_medium,
    utm_campaign,
    country,
    region,
    city,
    language,
    device_type,
    screen_resolution,
    browser_name,
    browser_version,
    os_name,
    os_version,
    connection_type,
    '' AS user_agent,
    -- milliseconds
    CASE WHEN timed THEN CAST(250 + below(2500, speed * speed) AS INTEGER) END AS load_time,
    CASE WHEN timed THEN CAST(40 + below(450, speed * speed) AS INTEGER) END AS ttfb,
    CASE WHEN timed THEN CAST(150 + below(1500, speed * speed) AS INTEGER) END AS dom_ready_time,
    CASE WHEN timed THEN CAST(75 + below(750, speed * speed) AS INTEGER) END AS render_time,
    -- seconds, and percent of the page
    CASE WHEN kind = 'page_exit' THEN (stay_ms - 400) / 1000.0 END AS time_on_page,
    CASE WHEN kind = 'page_exit' THEN CASE WHEN a > 0.8 THEN 100
      ELSE CAST(5 + below(95, a) AS INTEGER) END END AS scroll_depth,
    CASE WHEN kind = 'web_vital' THEN ['FCP', 'LCP', 'CLS', 'INP', 'TTFB', 'FPS'][part - 1] END
      AS metric_name,
    CASE WHEN kind = 'web_vital' THEN CASE part
      WHEN 2 THEN (3000000 + below(24000000, a)) / 10000.0
        WHEN 3 THEN (8000000 + below(60000000, a * a)) / 10000.0
      WHEN 4 THEN below(2500, a) / 10000.0 WHEN 5 THEN (200000 + below(3000000, a)) / 10000.0
      WHEN 6 THEN (400000 + below(5000000, a)) / 10000.0 ELSE 24 + below(36, a) END END AS metric_value,
    CASE WHEN kind = 'error' THEN choice([
      'TypeError: Cannot read properties of undefined (reading ''id'')',
      'NetworkError when attempting to fetch resource.',
      'ReferenceError: größe is not defined', 'Script error.', 'Timeout after ' || below(40, b) || ' ms'
    ], a) END AS message,
    CASE WHEN kind = 'error' AND b > 0.2 THEN 'at f (app.js:1:2)' || chr(10) || '    at g (ü.js:3:4)' END
      AS stack,
    CASE WHEN kind = 'error' AND b > 0.5 THEN 'app.js' END AS filename,
    CASE WHEN kind = 'error' AND a > 0.1 THEN CAST(below(900, b) AS INTEGER) END AS lineno,
    CASE WHEN kind = 'error' AND b > 0.5 THEN CAST(below(120, a) AS INTEGER) END AS colno,
    CASE WHEN kind = 'error' THEN choice(['', 'TypeError', 'Error'], b) END AS error_type,
    CASE WHEN kind = 'custom' THEN choice(['add_to_cart', 'add_to_cart', 'search', 'signup', 'newsletter',
      'wunsch_größe', 'video "play"'], a) END AS event_name,
    CASE WHEN kind = 'custom' AND b > 0.4 THEN 'ecommerce' END AS namespace,
    CASE WHEN kind = 'custom' AND a > 0.8 THEN 'sdk' END AS source,
    CASE WHEN kind = 'custom' THEN CASE WHEN b < 0.3 THEN '{}' WHEN b < 0.4 THEN '{"nested": {"a": [1, 2]}}'
      ELSE '{"plan": "' || choice(['free', 'pro', 'ünï', 'a \"b\"'], a) || '", "value": ' || below(90, b)
        || '}' END END AS properties,
    CASE WHEN kind = 'link_out' THEN 'https://ext' || below(60, a * a) || '.example.net/x' END AS href,
    CASE WHEN kind = 'link_out' THEN choice(['Click “here”', 'docs', ''], b) END AS text,
    CASE WHEN kind = 'revenue' THEN CASE WHEN a < 0.8 THEN 'sale' WHEN a < 0.95 THEN 'subscription'
      ELSE 'refund' END END AS revenue_type,
    -- currency units with two decimals; refunds are negative
    CASE WHEN kind = 'revenue' THEN (CASE WHEN a < 0.95 THEN 1 ELSE -1 END) * (500 + below(12000, b))
      / 100.0 END AS amount,
    CASE WHEN kind = 'revenue' THEN CASE WHEN b < 0.7 THEN 'USD' ELSE 'EUR' END END AS currency,
    CASE WHEN kind = 'revenue' THEN 'cus_' || v END AS customer_id
  FROM placed e JOIN visitors p USING (v)
  ORDER BY website_id, time, event_id;

DROP TABLE views; DROP TABLE sessions; DROP TABLE visitors; DROP TABLE tickets;
