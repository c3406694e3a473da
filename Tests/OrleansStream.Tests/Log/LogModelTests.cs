using CsCheck;
using OrleansStream.Log;
using OrleansStream.Log.Contract;
using OrleansStream.Storage;
using OrleansStream.Tests.Support;

namespace OrleansStream.Tests.Log;

/// <summary>Any run of appends, reads, rolls, deletions, takeovers and lost messages leaves what a plain list would hold.</summary>
public sealed class LogModelTests
{
    private enum Step
    {
        Append,
        AppendWithLostRequests,
        AppendWithLostReply,
        AppendToSealed,
        AppendMany,
        AppendInVain,
        AppendOnABrokenMedium,
        Repeat,
        DeleteRecords,
        Maintain,
        TakeOver,
        PassTime,
        Configure,
    }

    [Fact]
    public async Task Log_UnderAnyRunOfOperations_HoldsWhatAListWouldHold()
    {
        var step = Gen.Select(
            Gen.Int[0, Enum.GetValues<Step>().Length - 1], Gen.Int[0, 1000], (step, size) => ((Step)step, size));
        await step.List[1, 60].SampleAsync(
            async steps =>
            {
                var model = new Model();
                await model.RunAsync(steps);
                return true;
            },
            iter: 150, threads: 1);
    }

    private sealed class Model
    {
        private readonly LogRig _rig = new(new SegmentStoreLimits(4 * 1024 * 1024, 200, 1));
        private readonly List<string> _values = [];
        private long _start;
        private int _sequence;
        private (byte[] Batch, long Offset)? _last;
        private PartitionLog _log = null!;

        public async Task RunAsync(List<(Step Step, int Size)> steps)
        {
            _rig.Options = _rig.Options with { SegmentBytes = 1500 };
            _log = await _rig.OpenAsync();
            foreach (var (step, size) in steps)
            {
                await TakeAsync(step, size);
                Assert.Equal((_start, _values.Count), (_log.State.LogStartOffset, _log.State.HighWatermark));
                await AssertHoldsAsync(bytesMax: 1 + size);
            }

            _log = await _rig.TakeOverAsync();
            await AssertHoldsAsync(LogLimits.FetchBytesMax);
        }

        private async Task AssertHoldsAsync(int bytesMax) => Assert.Equal(
            _values.Skip((int)_start), (await _log.ReadAllAsync(bytesMax)).Select(record => record.Value));

        private Task TakeAsync(Step step, int size)
        {
            switch (step)
            {
                case Step.AppendWithLostRequests:
                    _rig.Segments.LoseRequest(2);
                    return AppendAsync(1 + (size % 4));
                case Step.AppendWithLostReply:
                    _rig.Segments.LoseReply();
                    return AppendAsync(1 + (size % 4));
                case Step.AppendToSealed:
                    _rig.Segments.Answer(AppendStatus.Sealed);
                    return AppendAsync(1 + (size % 4));
                case Step.AppendMany:
                    return AppendManyAsync(1 + (size % 9));
                case Step.AppendInVain:
                    return AppendInVainAsync(AppendStatus.StoreFull);
                case Step.AppendOnABrokenMedium:
                    return AppendInVainAsync(AppendStatus.Broken);
                case Step.Repeat:
                    return RepeatAsync();
                case Step.DeleteRecords:
                    return DeleteRecordsAsync(size % (_values.Count + 1));
                case Step.Maintain:
                    return _rig.MaintainAsync(_log);
                case Step.TakeOver:
                    return TakeOverAsync();
                case Step.PassTime:
                    _rig.Time.Advance(TimeSpan.FromSeconds(size));
                    return Task.CompletedTask;
                case Step.Configure:
                    _log.Configure(_rig.Options = _rig.Options with { SegmentBytes = 1 + (size * 10) });
                    return Task.CompletedTask;
                default:
                    return AppendAsync(1 + (size % 4));
            }
        }

        private async Task AppendAsync(int count)
        {
            var batch = TestBatch.By(7, _sequence, count);
            var result = await _rig.RunAsync(_log.PutAsync(batch));
            Assert.Null(result.Error);
            Assert.Equal(_values.Count, result.BaseOffset);
            _last = (batch, result.BaseOffset);
            _values.AddRange(Enumerable.Range(_sequence, count).Select(sequence => $"7/0/{sequence}"));
            _sequence += count;
        }

        private async Task AppendManyAsync(int count)
        {
            var held = _rig.Segments.Hold();
            var appends = Enumerable.Range(0, count).Select(i => _log.PutAsync(TestBatch.Of($"{_values.Count + i}"))).ToList();
            held.Release();
            foreach (var append in appends)
            {
                Assert.Equal(_values.Count, (await _rig.RunAsync(append)).BaseOffset);
                _values.Add($"{_values.Count}");
            }
        }

        private async Task AppendInVainAsync(AppendStatus status)
        {
            _rig.Time.Advance(LogLimits.BrokenAgainWithin);
            _rig.Segments.Answer(status);
            if ((await _rig.RunAsync(_log.PutAsync(TestBatch.Of("lost")))).Error is null)
                _values.Add("lost"); // what failed was the fence of a roll, and the batch went behind the next one
        }

        private async Task RepeatAsync()
        {
            if (_last is { } last)
            {
                var repeated = await _log.PutAsync(last.Batch);
                Assert.True(repeated.Duplicate);
                Assert.Equal(last.Offset, repeated.BaseOffset);
            }
        }

        private async Task DeleteRecordsAsync(long before)
        {
            Assert.Null(await _rig.DeleteRecordsAsync(_log, before));
            _start = Math.Max(_start, before);
        }

        private async Task TakeOverAsync() => _log = await _rig.TakeOverAsync();
    }
}
