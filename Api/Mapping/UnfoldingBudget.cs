namespace OrleansStream.Api.Mapping;

/// <summary>
/// What may be unfolded for one answer. A few bytes that a producer compressed may unfold to very many, and a batch that cannot be unfolded
/// costs as much as one that can: without a bound one small request would be work for minutes.
/// </summary>
internal sealed class UnfoldingBudget
{
    private long _unfoldedBytes;

    /// <summary>True once enough was unfolded: the answer ends behind what it holds, and the next one goes on there.</summary>
    public bool IsSpent => _unfoldedBytes >= Limits.UnfoldedBytesPerAnswerMax;

    /// <summary>Notes what a batch unfolded to.</summary>
    /// <param name="lengthBytes">In bytes.</param>
    public void Spend(int lengthBytes) => _unfoldedBytes += lengthBytes;
}
