namespace OrleansStream.Security;

/// <summary>Every bound of keys and rights, in one place.</summary>
public static class AccessLimits
{
    /// <summary>The most keys. They are one document with the rights, some 200 bytes each.</summary>
    public const int KeysMax = 1_000;

    /// <summary>The most keys of one name at a time: one that is in use, and the one that takes its place.</summary>
    public const int KeysPerNameMax = 2;

    /// <summary>The most rights.</summary>
    public const int RightsMax = 10_000;

    /// <summary>The longest name of a principal, in characters.</summary>
    public const int PrincipalLengthMax = 200;

    /// <summary>The longest name of a key, in characters.</summary>
    public const int KeyNameLengthMax = 100;

    /// <summary>The longest time that a key may be given, from its creation on: ten years of 365 days.</summary>
    public static readonly TimeSpan KeyAgeMax = TimeSpan.FromDays(3_650);

    /// <summary>How long a silo goes by what it read of the document until it reads it again.</summary>
    public static readonly TimeSpan DocumentAgeMax = TimeSpan.FromSeconds(2);

    /// <summary>How often a node asks for what has changed. With <see cref="DocumentAgeMax"/> and a lost call, a revoked key is refused within 10 s.</summary>
    public static readonly TimeSpan RefreshPeriod = TimeSpan.FromSeconds(2);

    /// <summary>How long a node waits for an answer until it asks again, of another silo where there is one.</summary>
    public static readonly TimeSpan RefreshTimeout = TimeSpan.FromSeconds(2);

    /// <summary>How old what a node knows may be. Beyond it nobody is let in: it may be cut off from a revocation.</summary>
    public static readonly TimeSpan RulesAgeMax = TimeSpan.FromMinutes(5);

    /// <summary>How exactly it is told when a key was last used.</summary>
    public static readonly TimeSpan LastUsedStep = TimeSpan.FromHours(1);
}
