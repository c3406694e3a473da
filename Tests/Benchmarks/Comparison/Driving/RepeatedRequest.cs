namespace OrleansStream.Comparison.Driving;

/// <summary>One request laid out several times in a row, so that many go out in one write.</summary>
internal sealed class RepeatedRequest
{
    private readonly byte[] _bytes;
    private readonly int _length;

    /// <summary>Lays it out.</summary>
    /// <param name="request">The request.</param>
    /// <param name="times">How often.</param>
    public RepeatedRequest(ReadOnlySpan<byte> request, int times)
    {
        _length = request.Length;
        _bytes = new byte[request.Length * times];
        for (var i = 0; i < times; i++)
            request.CopyTo(_bytes.AsSpan(i * request.Length));
    }

    /// <summary>So many of them, as far as there are.</summary>
    /// <param name="requestsMax">At most so many.</param>
    /// <param name="requests">How many they are.</param>
    public ReadOnlyMemory<byte> Take(int requestsMax, out int requests)
    {
        requests = Math.Min(requestsMax, _bytes.Length / _length);
        return _bytes.AsMemory(0, requests * _length);
    }
}
