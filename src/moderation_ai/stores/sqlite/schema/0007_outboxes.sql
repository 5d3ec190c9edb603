-- How outboxes stand is asked often: what is open, and what a person has to look at.
CREATE INDEX actions_open ON actions(platform, account, wanted_at) WHERE state < 3;
CREATE INDEX actions_troubled ON actions(platform, account, status) WHERE status IN ('uncertain', 'dead');
