FROM scratch
WOKDIR /srv
