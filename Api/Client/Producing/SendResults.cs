using System.Collections;

namespace OrleansStream.Client.Producing;

/// <summary>What became of records in a row of a list: all failed alike, or they are stored one after the other.</summary>
/// <param name="Index">The first one's place in the list.</param>
/// <param name="Count">How many of them.</param>
/// <param name="First">The first one's result.</param>
internal readonly record struct SentRun(int Index, int Count, SendResult First)
{
    /// <summary>The result of one of them.</summary>
    /// <param name="place">Its place among them, from 0.</param>
    public SendResult At(int place) => First.Offset < 0 ? First : First with { Offset = First.Offset + place };
}

/// <summary>The results of a list's records, in its order. Each is made when it is asked for, so that a large list needs no large array.</summary>
internal sealed class SendResults : IReadOnlyList<SendResult>
{
    private readonly List<SentRun> _runs;

    /// <summary>Takes the results.</summary>
    /// <param name="runs">They hold each record once, in any order; the list belongs to the results from now on.</param>
    public SendResults(List<SentRun> runs)
    {
        _runs = runs;
        for (var i = 0; i < runs.Count; i++)
        {
            if (runs[i].Index != Count)
            {
                runs.Sort(static (one, other) => one.Index.CompareTo(other.Index));
                Count = runs[^1].Index + runs[^1].Count;
                break;
            }

            Count += runs[i].Count;
        }
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public SendResult this[int index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
            (var low, var high) = (0, _runs.Count - 1);
            while (low < high)
            {
                var middle = (low + high + 1) / 2;
                if (_runs[middle].Index <= index)
                    low = middle;
                else
                    high = middle - 1;
            }

            return _runs[low].At(index - _runs[low].Index);
        }
    }

    /// <inheritdoc/>
    public IEnumerator<SendResult> GetEnumerator()
    {
        foreach (var run in _runs)
        {
            for (var i = 0; i < run.Count; i++)
                yield return run.At(i);
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
