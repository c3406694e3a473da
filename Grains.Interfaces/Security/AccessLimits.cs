namespace OrleansStream.Security;

/// <summary>Every bound of keys and rights, in one place.</summary>
public static class AccessLimits
{
    /// <summary>The most keys. Keys and rights share one document; a key takes about 200 bytes of it.</summary>
    public const int KeysMax = 1_000;

    /// <summary>The most keys of one name at a time: the one in use, and the one that replaces it.</summary>
    public const int KeysPerNameMax = 2;

    /// <summary>The most rights.</summary>
    public const int RightsMax = 10_000;

    /// <summary>The most rights that are changed at once.</summary>
    public const int RightChangesMax = 1_000;

    /// <summary>The longest id of a key, in characters.</summary>
    public const int KeyIdLengthMax = 32;

    /// <summary>The longest name of a principal, in characters.</summary>
    public const int PrincipalLengthMax = 200;

    /// <summary>The longest name of a key, in characters.</summary>
    public const int KeyNameLengthMax = 100;

    /// <summary>The longest life of a key with an expiry, from its creation: ten years of 365 days.</summary>
    public static readonly TimeSpan KeyAgeMax = TimeSpan.FromDays(3_650);

    /// <summary>How long a silo uses its copy of the document before it reads the document again.</summary>
    public static readonly TimeSpan DocumentAgeMax = TimeSpan.FromSeconds(2);

    /// <summary>How often a node asks for changes. With <see cref="DocumentAgeMax"/> and a lost call, a revoked key is refused within 10 s.</summary>
    public static readonly TimeSpan RefreshPeriod = TimeSpan.FromSeconds(2);

    /// <summary>How long a node waits for an answer before it asks again, if possible another silo.</summary>
    public static readonly TimeSpan RefreshTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The greatest age of a node's copy. With an older copy the node refuses every caller, because it may have missed a revocation.
    /// </summary>
    public static readonly TimeSpan RulesAgeMax = TimeSpan.FromMinutes(5);

    /// <summary>How long a ticket waits to be used.</summary>
    public static readonly TimeSpan TicketAge = TimeSpan.FromMinutes(1);

    /// <summary>The most tickets that a share of them keeps; beyond it the oldest go.</summary>
    public const int TicketsPerShardMax = 10_000;

    /// <summary>The precision of the time at which a key was last used.</summary>
    public static readonly TimeSpan LastUsedStep = TimeSpan.FromHours(1);
}
