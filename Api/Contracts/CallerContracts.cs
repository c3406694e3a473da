namespace OrleansStream.Contracts;

/// <summary>Who calls, and what it may do.</summary>
public sealed record CallerAnswer
{
    /// <summary>The caller, as rights name it; <c>anonymous</c> where nobody signs in.</summary>
    /// <example>key:crawler</example>
    public required string Principal { get; init; }

    /// <summary>True where callers sign in. Where it is false, everybody may do everything.</summary>
    /// <example>true</example>
    public required bool SignInRequired { get; init; }

    /// <summary>When it must sign in again; absent for never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>All that it may do: by its roles, and by the rights of all its names.</summary>
    public required IReadOnlyList<OwnRightEntry> Rights { get; init; }
}

/// <summary>A right that a caller has.</summary>
public sealed record OwnRightEntry
{
    /// <summary>On what: <c>topic</c>, <c>group</c> or <c>cluster</c>.</summary>
    /// <example>topic</example>
    public required string Resource { get; init; }

    /// <summary><c>literal</c> or <c>prefix</c>; the empty prefix means all.</summary>
    /// <example>prefix</example>
    public required string Pattern { get; init; }

    /// <summary>The name; absent for the cluster.</summary>
    /// <example>pages.</example>
    public string? Name { get; init; }

    /// <summary>What is allowed.</summary>
    /// <example>["describe","read"]</example>
    public required IReadOnlyList<string> Operations { get; init; }
}

/// <summary>What the web console must know before anybody has signed in.</summary>
public sealed record ConsoleSettings
{
    /// <summary>True when callers sign in.</summary>
    public required bool SignIn { get; init; }

    /// <summary>True when API keys are accepted.</summary>
    public required bool Keys { get; init; }

    /// <summary>The issuer with which people sign in; absent when the console has no client of it.</summary>
    public string? Authority { get; init; }

    /// <summary>The console's client at the issuer.</summary>
    public string? ClientId { get; init; }

    /// <summary>Whom tokens are for.</summary>
    public string? Audience { get; init; }
}
