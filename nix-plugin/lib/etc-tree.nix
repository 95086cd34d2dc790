# Filled by its builder.
{ build, self }: { }
