namespace OrleansStream.Contracts;

/// <summary>A key that is asked for.</summary>
public sealed record KeyRequest
{
    /// <summary>
    /// Whose key it is: rights are given to <c>key:{name}</c>. Two keys at a time may have one name, so that one takes the other's place. Default:
    /// the key's id.
    /// </summary>
    /// <example>crawler</example>
    public string? Name { get; init; }

    /// <summary>
    /// What it may do with everything: <c>Data Sender</c>, <c>Data Receiver</c>, <c>Data Owner</c> or <c>Admin</c>. Without one it may do what rights
    /// give to its name.
    /// </summary>
    /// <example>Data Receiver</example>
    public string? Role { get; init; }

    /// <summary>When it ends. Default never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>A key.</summary>
public sealed record KeyAnswer
{
    /// <summary>Its id, which is also a part of it.</summary>
    /// <example>crawler-1</example>
    public required string Id { get; init; }

    /// <summary>Whose key it is: rights are given to <c>key:{name}</c>.</summary>
    /// <example>crawler</example>
    public required string Name { get; init; }

    /// <summary>What it may do with everything; absent for only what rights give to its name.</summary>
    /// <example>Data Receiver</example>
    public string? Role { get; init; }

    /// <summary>When it was made.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it ends; absent for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>When it was last used, to the hour; absent for never.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>The key itself, only in the answer that made it: nobody can see it again.</summary>
    public string? Key { get; init; }
}

/// <summary>All keys, by their ids.</summary>
public sealed record KeyListAnswer
{
    /// <summary>The keys, without what is secret of them.</summary>
    public required IReadOnlyList<KeyAnswer> Keys { get; init; }
}

/// <summary>A right that is given.</summary>
public sealed record RightRequest
{
    /// <summary>Who: <c>key:{name}</c>, <c>user:{id}</c>, <c>group:{id}</c>, <c>certificate:{name}</c>, or <c>anonymous</c> for everybody.</summary>
    /// <example>key:crawler</example>
    public required string Principal { get; init; }

    /// <summary>On what: <c>topic</c>, <c>group</c> or <c>cluster</c>.</summary>
    /// <example>topic</example>
    public required string Resource { get; init; }

    /// <summary><c>literal</c> for the resource of the name, <c>prefix</c> for all whose names begin with it. Default <c>literal</c>.</summary>
    /// <example>prefix</example>
    public string? Pattern { get; init; }

    /// <summary>The name. The cluster has none.</summary>
    /// <example>pages.</example>
    public string? Name { get; init; }

    /// <summary>
    /// What is allowed: <c>describe</c>, <c>read</c>, <c>write</c>, <c>manage</c>; on the cluster <c>describe</c>, <c>manage</c>, <c>admin</c>. In
    /// its place, a role.
    /// </summary>
    /// <example>["read"]</example>
    public IReadOnlyList<string>? Operations { get; init; }

    /// <summary>A role in place of operations: <c>Data Sender</c>, <c>Data Receiver</c> or <c>Data Owner</c>, for this resource alone.</summary>
    public string? Role { get; init; }
}

/// <summary>A right.</summary>
public sealed record RightEntry
{
    /// <summary>Who.</summary>
    /// <example>key:crawler</example>
    public required string Principal { get; init; }

    /// <summary>On what: <c>topic</c>, <c>group</c> or <c>cluster</c>.</summary>
    /// <example>topic</example>
    public required string Resource { get; init; }

    /// <summary><c>literal</c> or <c>prefix</c>.</summary>
    /// <example>prefix</example>
    public required string Pattern { get; init; }

    /// <summary>The name; absent for the cluster.</summary>
    /// <example>pages.</example>
    public string? Name { get; init; }

    /// <summary>What is allowed. Whoever may do anything else may describe.</summary>
    /// <example>["read"]</example>
    public required IReadOnlyList<string> Operations { get; init; }
}

/// <summary>Rights, by principal and resource.</summary>
public sealed record RightListAnswer
{
    /// <summary>The rights.</summary>
    public required IReadOnlyList<RightEntry> Rights { get; init; }
}

/// <summary>A ticket that is asked for.</summary>
public sealed record TicketRequest
{
    /// <summary>The path and the query that it is for, as they will be sent.</summary>
    /// <example>/v1/topics/matches/records?from=earliest</example>
    public required string Url { get; init; }
}

/// <summary>A ticket.</summary>
public sealed record TicketAnswer
{
    /// <summary>The ticket, a secret until it is used.</summary>
    public required string Ticket { get; init; }

    /// <summary>The path and the query, with the ticket: what an <c>EventSource</c> is opened with.</summary>
    public required string Url { get; init; }

    /// <summary>Until when it must be used.</summary>
    public required DateTimeOffset ExpiresAt { get; init; }
}
