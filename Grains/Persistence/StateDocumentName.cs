using System.Security.Cryptography;
using System.Text;
using OrleansStream.Storage;

namespace OrleansStream.Persistence;

/// <summary>Makes the names of the documents of grain states: <c>state/{service}/{state}/{grain type}/{key}</c>, with each part escaped.</summary>
/// <remarks>
/// Small letters, digits and inner dots are kept; any other byte of the UTF-8 text becomes <c>-xx</c>. Capitals are escaped too, because some file
/// systems take two names that differ only in case for one. A part that would be too long ends in <c>--</c> and a hash instead; no escaped text
/// contains <c>--</c>.
/// </remarks>
internal static class StateDocumentName
{
    private const string HashMark = "--";
    private const int HashedPrefixLength = 100;

    /// <summary>Makes a document's name.</summary>
    /// <param name="serviceId">The service to which the grain belongs.</param>
    /// <param name="stateName">The name of the state.</param>
    /// <param name="grainId">The grain, by type and key.</param>
    public static string Of(string serviceId, string stateName, GrainId grainId) =>
        $"state/{Escape(serviceId)}/{Escape(stateName)}/{Escape(grainId.Type.ToString()!)}/{Escape(grainId.Key.ToString()!)}";

    private static string Escape(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var escaped = new StringBuilder(bytes.Length);
        foreach (var value in bytes)
        {
            if (value is >= (byte)'a' and <= (byte)'z' or >= (byte)'0' and <= (byte)'9'
                || (value == '.' && escaped.Length > 0))
            {
                escaped.Append((char)value);
            }
            else
            {
                escaped.Append('-').Append(value.ToString("x2"));
            }
        }

        if (escaped.Length == 0)
            return "-";
        if (escaped.Length <= StoreNameLimits.PartLengthMax)
            return escaped.ToString();
        return escaped.ToString(0, HashedPrefixLength) + HashMark + Convert.ToHexStringLower(SHA256.HashData(bytes));
    }
}
