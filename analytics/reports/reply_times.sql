-- One row a stretch of messages in which a contact waits: from his message until we write back, however often he
-- writes. It waits from its first message that needs an answer; mere thanks and emoji, stickers, reactions and what our
-- side cannot read need none, and what could not be delivered is no reply. Of one moment, what came from us is the
-- later. A conversation begins anew after 24 h in which nobody wrote.
-- key: message_id
-- columns:
--   message_id varchar: the message from which the contact waits, the first of the stretch where none needs an answer
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   channel varchar: whatsapp, telegram, …
--   conversation_id varchar: names all that is written with one identity of the contact, or in one group: of a contact
--     with several identities there may be several
--   contact_key varchar: how the contact is known
--   sent_at timestamptz: when that message was written
--   day date: local date of sent_at in the company's zone
--   hour integer: local hour of sent_at, 0 to 23
--   weekday integer: local weekday of sent_at, 1 is Monday
--   messages bigint: messages of the stretch
--   needs_answer boolean: whether any of them needs one
--   is_first boolean: whether the conversation began with this stretch
--   are_replies_told boolean: whether the account ever told of a message of ours, or the company's own door of one in a
--     conversation of which the account tells
--   replied_at timestamptz: when we wrote back, null while we have not
--   reply_seconds double, seconds: sent_at to replied_at by the clock
--   reply_business_seconds double, seconds: the part of it that lies in the company's hours; a company that states none
--     is always open, but for its holidays
with
written as (
    select
        *,
        lag(first_at) over conversation as earlier_at,
        count(*) filter (where direction = 'outgoing') over conversation as replies_before,
        direction = 'incoming' and not coalesce(
            kind in ('sticker', 'unsupported', 'system', 'reaction')
            or (
                kind = 'text' and (
                    regexp_full_match(
                        lower(regexp_replace(text, '[\p{So}\p{Sk}\p{Cf}\p{Mn}]', ' ', 'g')),
                        '[\s.,!)(…]*((thanks?|thank you( very much)?|thx|ty|ok|okay|got it|great'
                        || '|спасибо( большое)?|большое спасибо|благодарю|спс|ок|окей|хорошо|жду'
                        || '|договорились|понятно|понял|поняла|ясно'
                        || '|(көп )?ра[хқ]мет( сізге)?|жарайды|түсінікті|жақсы|күтемін'
                        || '|(muito )?obrigad[oa]|valeu|obg|certo|entendi|tá bom|beleza|combinado'
                        || '|(fico no )?aguardo)([\s.,!)(…]+|$))+'
                    )
                    or regexp_full_match(text, '[\p{So}\p{Sk}\p{Cf}\p{Mn}.!\s]+')
                )
            ), false
        ) as is_waiting
    from facts.messages
    where direction in ('incoming', 'outgoing') and status != 'failed'
    window conversation as (partition by company, conversation_id order by first_at, direction, message_id)
),

stretches as (
    select
        company,
        conversation_id,
        replies_before,
        min(first_at) as began_at,
        bool_or(is_waiting) as needs_answer,
        coalesce(
            arg_min(message_id, (first_at, message_id)) filter (where is_waiting),
            arg_min(message_id, (first_at, message_id))
        ) as message_id,
        count(*) as messages,
        bool_or(earlier_at is null)
        or arg_min(first_at - earlier_at, (first_at, message_id)) > interval 24 hours as is_first
    from written
    where direction = 'incoming'
    group by company, conversation_id, replies_before
),

replies as (
    select
        company,
        conversation_id,
        replies_before,
        first_at as replied_at
    from written
    where direction = 'outgoing'
),

-- A bot of Telegram, say, hears of no message that it sent itself, and who wrote it may tell by our own door.
telling as (
    select
        company,
        account
    from facts.messages
    where direction = 'outgoing'
    union
    select
        company,
        account
    from facts.messages
    where
        conversation_id in (
            select ours.conversation_id
            from facts.messages as ours
            where ours.direction = 'outgoing' and ours.source = 'ingest'
        )
),

answered as (
    select
        written.message_id,
        written.company,
        written.source,
        written.account,
        written.channel,
        written.conversation_id,
        written.contact_key,
        written.first_at as sent_at,
        written.day,
        written.hour,
        written.weekday,
        stretches.messages,
        stretches.needs_answer,
        stretches.is_first,
        telling.account is not null as are_replies_told,
        replies.replied_at,
        coalesce(companies.time_zone, 'UTC') as time_zone
    from stretches
    inner join written on stretches.message_id = written.message_id
    left join replies
        on
            stretches.company = replies.company
            and stretches.conversation_id = replies.conversation_id
            and stretches.replies_before + 1 = replies.replies_before
    left join telling on written.company = telling.company and written.account = telling.account
    left join reference.companies on stretches.company = companies.company
),

-- The local days over which somebody waited, each with the spans in which the company is open.
waited as (
    select
        message_id,
        company,
        time_zone,
        sent_at,
        replied_at,
        cast(
            unnest(
                generate_series(
                    date_trunc('day', timezone(time_zone, sent_at)),
                    date_trunc('day', timezone(time_zone, replied_at)),
                    interval 1 day
                )
            ) as date
        ) as local_day
    from answered
    where replied_at is not null
),

stated_hours as (
    select distinct
        company,
        valid_from,
        valid_until
    from reference.hours
),

open_spans as (
    select
        waited.message_id,
        waited.sent_at,
        waited.replied_at,
        timezone(waited.time_zone, waited.local_day + coalesce(hours.opens, time '00:00')) as opened_at,
        timezone(
            waited.time_zone,
            if(
                coalesce(hours.closes, time '23:59:59.999999') = time '23:59:59.999999',
                cast(waited.local_day + 1 as timestamp),
                waited.local_day + hours.closes
            )
        ) as closed_at
    from waited
    left join reference.hours
        on
            waited.company = hours.company and extract(isodow from waited.local_day) = hours.weekday
            and waited.local_day >= hours.valid_from and waited.local_day < hours.valid_until
    left join stated_hours
        on
            waited.company = stated_hours.company
            and waited.local_day >= stated_hours.valid_from and waited.local_day < stated_hours.valid_until
    anti join reference.holidays
        on waited.company = holidays.company and waited.local_day = holidays.day
    where hours.company is not null or stated_hours.company is null
),

in_hours as (
    select
        message_id,
        sum(
            greatest(epoch_ms(least(replied_at, closed_at)) - epoch_ms(greatest(sent_at, opened_at)), 0)
        ) as business_ms
    from open_spans
    group by message_id
)

select
    answered.message_id,
    answered.company,
    answered.source,
    answered.account,
    answered.channel,
    answered.conversation_id,
    answered.contact_key,
    answered.sent_at,
    answered.day,
    answered.hour,
    answered.weekday,
    answered.messages,
    answered.needs_answer,
    answered.is_first,
    answered.are_replies_told,
    answered.replied_at,
    (epoch_ms(answered.replied_at) - epoch_ms(answered.sent_at)) / 1000 as reply_seconds,
    case
        when answered.replied_at is not null then cast(coalesce(in_hours.business_ms, 0) as bigint) / 1000
    end as reply_business_seconds
from answered
left join in_hours on answered.message_id = in_hours.message_id
