-- One row a message that was delivered or read before it was written, which tells of a provider's clock.
-- key: message_id
-- severity: warn
-- columns:
--   message_id varchar: message
--   company varchar: tenant
--   source varchar: provider
--   sent_at timestamptz: when it was written
--   delivered_at timestamptz: when it was delivered
--   read_at timestamptz: when it was read
select
    message_id,
    company,
    source,
    sent_at,
    delivered_at,
    read_at
from facts.messages
where delivered_at < sent_at - interval 1 second or read_at < sent_at - interval 1 second
