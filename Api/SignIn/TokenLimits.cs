namespace OrleansStream.SignIn;

/// <summary>Bounds of signing in by tokens.</summary>
internal static class TokenLimits
{
    /// <summary>How far the clocks of the issuer and of this node may differ. Kerberos allows five minutes.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(2);

    /// <summary>
    /// The least time between two requests to the issuer for its keys. A token with an unknown key id asks for one, whoever sends it.
    /// </summary>
    public static readonly TimeSpan KeysPauseMin = TimeSpan.FromMinutes(1);
}
