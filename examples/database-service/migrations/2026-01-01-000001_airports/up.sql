CREATE TABLE airports (
    iata TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    city TEXT,
    state TEXT,
    country TEXT NOT NULL,
    latitude DOUBLE PRECISION NOT NULL,
    longitude DOUBLE PRECISION NOT NULL
);
CREATE INDEX airports_place ON airports (latitude, longitude);
