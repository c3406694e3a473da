namespace OrleansStream.Security;

/// <summary>Bounds of the stored keys and rights.</summary>
internal static class AccessDocumentLimits
{
    /// <summary>
    /// How often a change is tried when others change the document meanwhile. A try fails only when another change was stored. People and scripts
    /// make the changes, so many failures in a row are unlikely.
    /// </summary>
    public const int WriteAttemptsMax = 20;
}
