{{ config(alias=var('region')) }}
select '{{ var('region') }}' as region
