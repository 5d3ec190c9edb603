-- Decisions of persons, who may ask to be forgotten.
CREATE INDEX decisions_persons ON decisions(made_by) WHERE by_person = 1;
