namespace OrleansStream.Storage;

/// <summary>Bounds of the document stores.</summary>
public static class DocumentStoreLimits
{
    /// <summary>The most bytes of a document: 16 MiB, far more than any manifest within its own bounds.</summary>
    public const int DocumentBytesMax = 16 * 1024 * 1024;
}
