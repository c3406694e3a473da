namespace OrleansStream.Tests.Faults;

public sealed class FaultTallyTests
{
    [Fact]
    public void Idle_WhenAFaultNeverTookEffect_NamesIt()
    {
        var tally = new FaultTally();
        for (var i = 0; i < 3; i++)
        {
            tally.Add("Kill", tookEffect: i == 2);
            tally.Add("Slow", tookEffect: false);
        }

        tally.Add("Busy", tookEffect: false);
        Assert.Equal(["Slow"], tally.Idle);
        Assert.Equal("took effect: Busy 0 of 1, Kill 1 of 3, Slow 0 of 3", tally.ToString());
    }
}
