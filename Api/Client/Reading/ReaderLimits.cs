namespace OrleansStream.Client.Reading;

/// <summary>The bounds of a reader.</summary>
internal static class ReaderLimits
{
    /// <summary>The most records that are decoded before they are asked for.</summary>
    public const int DecodedRecordsMax = 256;

    /// <summary>How long a fetch waits for records.</summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(20);

    /// <summary>How long a fetch may take.</summary>
    public static readonly TimeSpan FetchMax = TimeSpan.FromSeconds(50);
}
