using System.Text;
using OrleansStream.Records;

namespace OrleansStream.Storage.Files.Documents;

/// <summary>
/// The stored form of a document: one line with version, etag, length and checksum, and then the document's bytes.
/// </summary>
/// <remarks>
/// The line is <c>orleansstream-document 1 {etag: 32 hex} {length: decimal} {CRC-32C of etag and bytes: 8 hex}</c>. A person can read the file: the
/// text below the line is the document.
/// </remarks>
internal static class DocumentFile
{
    private const string Magic = "orleansstream-document 1";
    /// <summary>The most bytes of the line.</summary>
    public const int HeaderBytesMax = 128;

    /// <summary>The file's bytes for a document.</summary>
    public static byte[] Encode(string etag, ReadOnlySpan<byte> bytes)
    {
        var header = Encoding.ASCII.GetBytes(Header(etag, bytes) + "\n");
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

        var header = Encoding.ASCII.GetString(span[..end]);
        var parts = header.Split(' ');
        if (parts.Length != 5 || $"{parts[0]} {parts[1]}" != Magic)
            throw new CorruptDocumentException(name, $"its header is not of '{Magic}'.");

        // Every character of the header follows from etag and bytes, so writing the header again and comparing it is the whole check.
        var document = new Document(file[(end + 1)..], parts[2]);
        var expected = Header(document.ETag, document.Bytes.Span);
        return header == expected
            ? document
            : throw new CorruptDocumentException(name, $"its header is '{header}' instead of '{expected}'.");
    }

    private static string Header(string etag, ReadOnlySpan<byte> bytes) =>
        $"{Magic} {etag} {bytes.Length} {Checksum(etag, bytes):x8}";

    private static uint Checksum(string etag, ReadOnlySpan<byte> bytes) =>
        Crc32C.Append(Crc32C.Compute(Encoding.ASCII.GetBytes(etag)), bytes);
}
