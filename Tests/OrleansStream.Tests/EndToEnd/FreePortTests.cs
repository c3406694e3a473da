using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.EndToEnd;

/// <summary>What tests that start several processes at once rely on: each of them has its ports to itself.</summary>
public sealed class FreePortTests
{
    [Fact]
    public void Take_OfRowsOfAnyLength_TakesNoPortAgainBeforeMostOthers()
    {
        const int First = 100, Last = 400;
        var ports = new PortSequence(First, Last, next: 370);
        var latest = new Queue<int>();
        foreach (var count in Enumerable.Range(0, 300).Select(i => (i % 3) switch { 0 => 28, 1 => 2, _ => 1 }))
        {
            foreach (var port in Enumerable.Range(ports.Take(count), count))
            {
                Assert.InRange(port, First, Last - 1);
                Assert.DoesNotContain(port, latest);
                latest.Enqueue(port);
                // A row that does not fit at the end leaves some out.
                if (latest.Count > Last - First - 60)
                    latest.Dequeue();
            }
        }
    }
}
