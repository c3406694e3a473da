using System.Globalization;
using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Storage.Files;

/// <summary>
/// A document as it lies on disk: a line that names its version, etag, length and checksum, then its bytes as they are.
/// </summary>
/// <remarks>
/// The line is <c>orleansstream-document 1 {etag: 32 hex} {length: decimal} {CRC-32C of etag and bytes: 8 hex}</c>, so a
/// person can read the file, and the text below it is the document itself.
/// </remarks>
internal static class DocumentFile
{
    private const string Magic = "orleansstream-document 1";
    /// <summary>The most bytes the line may have.</summary>
    public const int HeaderBytesMax = 128;

    /// <summary>The file's bytes for a document.</summary>
    public static byte[] Encode(string etag, ReadOnlySpan<byte> bytes)
    {
        var header = Encoding.ASCII.GetBytes($"{Magic} {etag} {bytes.Length} {Checksum(etag, bytes):x8}\n");
        var file = new byte[header.Length + bytes.Length];
        header.CopyTo(file, 0);
        bytes.CopyTo(file.AsSpan(header.Length));
        return file;
    }

    /// <summary>The document in a file's bytes.</summary>
    /// <exception cref="CorruptDocumentException">They are damaged, or of a version this program does not know.</exception>
    public static Document Decode(string name, ReadOnlyMemory<byte> file)
    {
        var span = file.Span;
        var end = span[..Math.Min(span.Length, HeaderBytesMax)].IndexOf((byte)'\n');
        if (end < 0)
            throw new CorruptDocumentException(name, "its header has no end.");

        var parts = Encoding.ASCII.GetString(span[..end]).Split(' ');
        if (parts.Length != 5 || $"{parts[0]} {parts[1]}" != Magic)
            throw new CorruptDocumentException(name, $"its header is not of '{Magic}'.");
        if (!int.TryParse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || !uint.TryParse(parts[4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var checksum))
            throw new CorruptDocumentException(name, "its header cannot be read.");

        var bytes = file[(end + 1)..];
        if (bytes.Length != length)
            throw new CorruptDocumentException(name, $"it has {bytes.Length} bytes where its header says {length}.");
        if (Checksum(parts[2], bytes.Span) != checksum)
            throw new CorruptDocumentException(name, "its checksum does not match.");
        return new Document(bytes, parts[2]);
    }

    private static uint Checksum(string etag, ReadOnlySpan<byte> bytes) =>
        Crc32C.Append(Crc32C.Compute(Encoding.ASCII.GetBytes(etag)), bytes);
}
