namespace OrleansStream.Cli.Produce;

/// <summary>The bounds of what is read to be stored.</summary>
internal static class ProduceLimits
{
    /// <summary>The longest line, in bytes. Longer than any record that the service takes.</summary>
    public const int LineBytesMax = 16 * 1024 * 1024;

    /// <summary>The first size of the buffer for lines, in bytes.</summary>
    public const int LineBytesInitial = 64 * 1024;
}
