namespace OrleansStream.Rest.Access;

/// <summary>The bounds of requests about keys and rights.</summary>
internal static class AccessRequestLimits
{
    /// <summary>The longest body, in bytes.</summary>
    public const int AccessBodyBytesMax = 16 * 1024;
}
