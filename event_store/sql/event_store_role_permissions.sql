-- What Django reads to answer user.has_perm(); who the users are stays the project's own business.
GRANT SELECT ON :permission_tables TO :"role";
